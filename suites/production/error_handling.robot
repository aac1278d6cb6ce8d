*** Settings ***
Documentation     Whatever is wrong with a request, or with what the balancer needs: right answers, in time, nothing half done.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/monitoring.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/workload.resource
Resource          ../../resources/write_log.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation


*** Test Cases ***
Bad Requests Are Refused And Change Nothing
    [Documentation]    Malformed, too large, of the wrong dimension, for what is not there.
    [Metadata]    Requirement    PROD-2
    Given the deployment is healthy and steady
    And a collection with 10 documents
    Then bad requests are refused in time and change nothing
    And everything is normal again within a minute

Work Goes On While The Way To The Primary Is Slow
    [Metadata]    Requirement    PROD-2
    [Tags]    destructive
    Given a deployment of its own with fault proxies
    And clients are at work whatever happens
    When the way to the primary is slowed down by 2 s
    And they work on
    And the way to the primary is mended
    And they work on
    And they stop
    Then work went on within the limit
    And everything acknowledged is there, and nothing else
    And everything is normal again within a minute

Nothing Is Half Done When Replies Get Lost
    [Documentation]    The primary carries every third request out, and its reply gets lost.
    [Metadata]    Requirement    PROD-2
    [Tags]    destructive
    Given a deployment of its own with fault proxies
    And clients are at work whatever happens
    When every third reply of the primary gets lost
    And they work on
    And the way to the primary is mended
    And they work on
    And they stop
    Then everything acknowledged is there, and nothing else
    And the log tells the truth about each write
    And everything is normal again within a minute

Reads Go On And Writes Are Refused While The Database Is Away
    [Metadata]    Requirement    PROD-2
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When the database is suspended
    Then 10 writes are each refused with 503, in time and without an effect
    And the health check says that the deployment is degraded
    And 20 reads and 10 queries are all answered correctly
    When the database is resumed
    Then everything is normal again within a minute
    And each refused write is accounted for
    And both instances hold exactly what was acknowledged

Nobody Waits For A Webhook That Hangs
    [Documentation]    An instance goes and returns meanwhile. Requests are not slowed down, and no alert is lost.
    [Metadata]    Requirement    PROD-2
    [Tags]    destructive
    Given a deployment of its own with fault proxies, whose alerts are watched
    And an empty collection
    When every message to Slack is swallowed on its way
    And the replica crashes
    Then the alert was swallowed
    And no request waits for it
    When the replica is resumed and the way to Slack is clear again
    Then everything is normal again within a minute
    And no message holds a secret, and the outage was told once, in time
    And both instances hold exactly what was acknowledged
    [Teardown]    The Alert Test Is Tidied Up

Nothing Is Half Done When An Instance Is Killed In The Middle
    [Metadata]    Requirement    PROD-2
    [Tags]    destructive
    Given the deployment is healthy and steady
    And clients are at work whatever happens, with 100 requests a second
    When the primary crashes
    And they work on
    And the primary is resumed
    And they work on
    And they stop
    Then everything acknowledged is there, and nothing else
    And everything is normal again within a minute

Nothing Is Half Done When A Request Is Cut
    [Documentation]    One request of 20 documents is on its way to both instances when the primary is killed.
    [Metadata]    Requirement    PROD-2
    [Tags]    destructive
    Given a deployment of its own with fault proxies
    And a collection with 10 documents
    When the primary crashes in the middle of a write of 20 documents
    Then that write was answered rightly, and in time
    When the primary is resumed
    Then everything is normal again within a minute
    And both instances hold exactly what was acknowledged
