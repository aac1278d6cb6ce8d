*** Settings ***
Documentation     The replica goes away. Reads, writes and deletes go on, every one correct.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/balancing.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/workload.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive    infrastructure    enhanced


*** Test Cases ***
Work Goes On Without The Replica
    [Metadata]    Requirement    FAIL-2
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And a collection with 40 documents
    When the replica is suspended
    Then 100 reads and 20 queries are all answered correctly
    When 20 documents are added, 5 updated and 10 deleted
    Then the balancer and the primary hold exactly what was acknowledged
    And the replica is still away
    When the replica is resumed
    Then both instances are steady again and hold exactly what was acknowledged

A Crash Of The Replica In The Middle Of A Burst Loses Nothing
    [Documentation]    What was on its way at that moment, and is never written again, has to be there in the end.
    [Metadata]    Requirement    FAIL-2
    Given the deployment is healthy and steady
    And an empty collection
    When the replica crashes in the middle of 300 adds, 8 at a time
    Then each of these adds was acknowledged
    When the replica is resumed
    Then both instances are steady again and hold exactly what was acknowledged

Nothing Is Lost When The Replica Crashes Under Load
    [Documentation]    Every write, delete, read and query of many clients, before, during and after the outage.
    [Metadata]    Requirement    FAIL-2
    Given the deployment is healthy and steady
    And clients keep adding, changing and deleting documents
    When the replica crashes
    And they work on
    And the replica is resumed
    And they work on
    And they stop
    Then work went on within the limit
    And everything acknowledged is there, and nothing else
    And the deployment is steady again
