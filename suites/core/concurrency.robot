*** Settings ***
Documentation     More requests at once than the balancer takes are served or refused in time, and none is lost.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/write_log.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up


*** Test Cases ***
At The Limit And Ten More
    [Documentation]    Five at work and five in the queue are the limit; every instance is slow, so that twenty meet there.
    [Metadata]    Requirement    LB-2
    Given a deployment with proxies and    MAX_CONCURRENT_REQUESTS=5    REQUEST_QUEUE_SIZE=5
    And an empty collection
    When the ways to both instances are slowed down by 200 ms
    And 20 documents are written at once
    Then each of these writes is served, or refused in time
    When the ways to both instances are mended
    Then each refused write is accounted for
    And each of these writes has exactly one row that agrees with what its client saw
    And both instances hold exactly what was acknowledged
