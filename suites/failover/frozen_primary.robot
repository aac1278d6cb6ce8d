*** Settings ***
Documentation     The primary freezes instead of crashing: it accepts connections and says nothing. Work goes on.

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
Work Goes On With A Frozen Primary
    [Documentation]    Uploads, deletes and queries while it is frozen, every one correct, executed on the replica.
    [Metadata]    Requirement    FAIL-7
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When the primary freezes
    And 30 documents are added, 10 updated and 10 deleted
    Then the balancer and the replica hold exactly what was acknowledged
    And 20 queries find the nearest documents first
    And the log shows that the last 3 writes were executed on the replica
    And the primary is still frozen
    When the primary goes on
    Then both instances are steady again and hold exactly what was acknowledged

Writes Go On Within The Limit Every Time
    [Documentation]    From the moment the primary freezes to the first acknowledged and readable write.
    [Metadata]    Requirement    FAIL-7
    Given the deployment is healthy and steady
    And clients are at work through 5 faults
    When the primary is frozen and brought back 5 times
    And they stop
    Then work went on within the limit
    And the status was true but for its limit
    And everything acknowledged is there, and nothing else
    And the deployment is steady again
