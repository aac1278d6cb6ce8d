*** Settings ***
Documentation     A refusal is provoked, not hoped for; each one has its row, and each row comes to an end.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/write_log.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         transaction-safety


*** Test Cases ***
Each Refusal In An Outage Has A Row That Comes To An End
    [Metadata]    Requirement    TXN-2
    [Tags]    destructive    infrastructure    production-validation
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When both instances are suspended
    Then 10 writes are each refused with 503
    When both instances are resumed
    Then each refused write is accounted for
    And both instances hold exactly what was acknowledged

Each Refusal Under Overload Has A Row And No Effect
    [Metadata]    Requirement    TXN-2
    Given a deployment of its own with    MAX_CONCURRENT_REQUESTS=2    REQUEST_QUEUE_SIZE=2
    And an empty collection
    When more writes arrive at once than it takes
    Then each refused write is accounted for
    And each of these writes has exactly one row that agrees with what its client saw
    And both instances hold exactly what was acknowledged
