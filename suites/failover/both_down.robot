*** Settings ***
Documentation     Both instances are away. Nothing is pretended, and nothing is lost.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/write_log.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive    infrastructure


*** Test Cases ***
Writes Are Refused, Logged, And Accounted For
    [Metadata]    Requirement    FAIL-9
    [Tags]    transaction-safety
    Given the deployment is healthy and steady
    And a collection with 20 documents, and one to delete
    When both instances are suspended
    Then every kind of write is refused with 503
    And the log claims none of them done
    When both instances are resumed
    Then both instances are healthy again within the recovery limit
    And each refused write is accounted for
    And both instances hold exactly what was acknowledged
    And nothing is resurrected
