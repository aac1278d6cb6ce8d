*** Settings ***
Documentation     The primary goes away. Work goes on, correctly, at once, and the status says so.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/write_log.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/workload.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive    infrastructure    enhanced


*** Test Cases ***
Work Goes On Without The Primary
    [Documentation]    Uploads, deletes and queries during a real outage, every one correct, executed on the replica.
    [Metadata]    Requirement    FAIL-1
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When the primary is suspended
    And 30 documents are added, 10 updated and 10 deleted
    Then the balancer and the replica hold exactly what was acknowledged
    And 20 queries find the nearest documents first
    And the log shows that the last 3 writes were executed on the replica
    And the primary is still away
    When the primary is resumed
    Then both instances are steady again and hold exactly what was acknowledged

A Crash Of The Primary In The Middle Of A Burst Loses Nothing
    [Documentation]    What the primary alone had at that moment, and is never written again, has to be there in the end.
    [Metadata]    Requirement    FAIL-1
    Given the deployment is healthy and steady
    And an empty collection
    When the primary crashes in the middle of 300 adds, 8 at a time
    Then the balancer and the replica hold exactly what was acknowledged
    When the primary is resumed
    Then both instances are steady again and hold exactly what was acknowledged

Nothing Is Lost When The Primary Crashes Under Load
    [Documentation]    Every write, delete, read and query of many clients, before, during and after the outage.
    [Metadata]    Requirement    FAIL-1
    Given the deployment is healthy and steady
    And clients keep adding, changing and deleting documents
    When the primary crashes
    And they work on
    And the primary is resumed
    And they work on
    And they stop
    Then work went on within the limit
    And everything acknowledged is there, and nothing else
    And the deployment is steady again

Failover Stays Within Its Limit Every Time
    [Documentation]    From the moment the primary stops to the first acknowledged and readable write, and to a true status.
    [Metadata]    Requirement    FAIL-3
    Given the deployment is healthy and steady
    And clients are at work through 5 faults
    When the primary is suspended and brought back 5 times
    And they stop
    Then work went on within the limit
    And the status was true but for its limit
    And everything acknowledged is there, and nothing else

The Status Follows An Outage
    [Documentation]    Two of two, one of two, two of two; the seconds in which any field was untrue are counted.
    [Metadata]    Requirement    HEALTH-3
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And the strategy is the configured one
    And a collection with 20 documents
    When the status is watched
    And the primary is suspended
    Then one instance is called healthy within the failover limit
    When 10 documents are added, 5 updated and 5 deleted
    And the primary is resumed when its status could have been untrue for too long
    Then both instances are healthy again within the recovery limit
    And it told 2, then 1, then 2 healthy instances, and was untrue no longer than its limit

The Old Heartbeat Answers Throughout
    [Documentation]    Before, during and after an outage, together with a real write and read.
    [Metadata]    Requirement    HEALTH-6
    Given the deployment is healthy and steady
    And an empty collection
    Then the old heartbeat, a write and a read all succeed at the first try
    When the primary is suspended
    Then the old heartbeat, a write and a read all succeed within the failover limit
    When the primary is resumed
    Then the old heartbeat, a write and a read all succeed at the first try
    And both instances hold exactly what was acknowledged
