*** Settings ***
Documentation     The primary answers its heartbeat and cannot write. Whoever trusts a heartbeat never fails over.
...               Its store is locked for that. A full disk is not tested: Chroma takes no write again when there is room.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/write_log.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/workload.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive    enhanced


*** Test Cases ***
Work Goes On With A Primary That Cannot Write
    [Documentation]    It is read as usual, so only a write shows the failure.
    [Metadata]    Requirement    FAIL-8
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When the primary can no longer write
    And 30 documents are added, 10 updated and 10 deleted
    Then the balancer and the replica hold exactly what was acknowledged
    And 20 queries find the nearest documents first
    And the log shows that the last 3 writes were executed on the replica
    And the primary still answers its heartbeat and cannot write
    When the primary can write again
    Then both instances are steady again and hold exactly what was acknowledged

Work Goes On With A Primary Whose Store Is Locked
    [Documentation]    Reads hang there as well as writes.
    [Metadata]    Requirement    FAIL-8
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When the store of the primary is locked
    And 30 documents are added, 10 updated and 10 deleted
    Then the balancer and the replica hold exactly what was acknowledged
    And 20 queries find the nearest documents first
    And the primary still answers its heartbeat and cannot write
    When the primary can write again
    Then both instances are steady again and hold exactly what was acknowledged

Writes Go On Within The Limit Every Time
    [Documentation]    From the moment the primary can no longer write, or not even read, to the first acknowledged and
    ...    readable write.
    [Metadata]    Requirement    FAIL-8
    Given the deployment is healthy and steady
    And clients are at work through 6 faults
    When the primary is unable to write or locked in turns and brought back 6 times
    And they stop
    Then work went on within the limit
    And the status was true but for its limit
    And everything acknowledged is there, and nothing else
    And the deployment is steady again
