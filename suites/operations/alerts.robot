*** Settings ***
Documentation     Slack is told of each outage once, in time, and of the right instance; and nothing waits for Slack.

Resource          ../../resources/monitoring.resource
Resource          ../../resources/workload.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Alert Test Is Tidied Up

Test Tags         destructive


*** Test Cases ***
A Crash Of The Primary Is Told Once
    [Metadata]    Requirement    MON-3
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And the alerts are watched
    When the primary crashes
    Then Slack is told that the primary is away
    When the primary is resumed
    Then Slack is told that the primary is back
    And no message holds a secret, and the outage was told once, in time

A Crash Of The Replica Is Told Once
    [Metadata]    Requirement    MON-3
    Given the deployment is healthy and steady
    And the alerts are watched
    When the replica crashes
    Then Slack is told that the replica is away
    When the replica is resumed
    Then Slack is told that the replica is back
    And no message holds a secret, and the outage was told once, in time

An Instance That Comes And Goes Is Told Each Time
    [Metadata]    Requirement    MON-3
    [Tags]    enhanced
    Given the deployment is healthy and steady
    And the alerts are watched
    When the replica crashes and returns 3 times
    Then each of 3 outages was told once, in time

People Are Told Once While Clients Are At Work
    [Documentation]    By the history: two messages, about this instance, in time; and nothing is told that did not happen.
    [Metadata]    Requirement    MON-3
    Given the deployment is healthy and steady
    And clients keep adding, changing and deleting documents
    When the primary crashes
    And they work on
    And the outage lasts so long that people have to be told
    And the primary is resumed
    And they work on
    And they stop
    Then people were told of the outage and of its end, once and in time
    And everything acknowledged is there, and nothing else

A Failing Channel Slows Nothing And Loses Nothing
    [Metadata]    Requirement    MON-3
    Given the deployment is healthy and steady
    And the alerts are watched
    When Slack answers every message with an error
    And the primary crashes
    Then Slack has not taken the alert
    And neither requests nor measurements wait for it
    When Slack takes messages again
    And the primary is resumed
    Then Slack is told that the primary is back
    And no message holds a secret, and the outage was told once, in time

A Hanging Channel Slows Nothing And Loses Nothing
    [Metadata]    Requirement    MON-3
    Given the deployment is healthy and steady
    And the alerts are watched
    When Slack hangs
    And the replica crashes
    Then Slack has not taken the alert
    And neither requests nor measurements wait for it
    When Slack takes messages again
    And the replica is resumed
    Then Slack is told that the replica is back
    And no message holds a secret, and the outage was told once, in time

What Is Swallowed On The Way To Slack Is Sent Again
    [Metadata]    Requirement    MON-3
    [Tags]    enhanced
    Given a deployment of its own with fault proxies
    And the alerts are watched
    When every message to Slack is swallowed on its way
    And the replica crashes
    Then the alert was swallowed
    And neither requests nor measurements wait for it
    When the way to Slack is clear again
    And the replica is resumed
    Then Slack is told that the replica is back
    And no message holds a secret, and the outage was told once, in time

A Monitor That Is Killed In An Outage Tells Nothing Twice
    [Metadata]    Requirement    MON-3
    Given the deployment is healthy and steady
    And the alerts are watched
    When the replica crashes
    Then Slack is told that the replica is away
    When the monitor is killed and started again
    And the replica is resumed
    Then Slack is told that the replica is back
    And no message holds a secret, and the outage was told once, in time

What A Killed Monitor Had Still To Tell Is Told
    [Documentation]    Slack takes nothing while the monitor is there that noticed the outage; its end nobody has seen.
    [Metadata]    Requirement    MON-3
    Given the deployment is healthy and steady
    And the alerts are watched
    When Slack resets every connection
    And the primary crashes
    Then Slack has not taken the alert
    When the monitor is killed
    And the primary is resumed
    And Slack takes messages again
    And the monitor is started again
    Then no message holds a secret, and the outage was told once, in time

A Recommendation Is Not Repeated Within Its Cooldown
    [Metadata]    Requirement    MON-3
    [Tags]    enhanced
    Given a deployment whose recommendations are watched    MEMORY_THRESHOLD_PERCENT=5    ALERT_COOLDOWN=4
    Then 3 recommendations for memory come, each a cooldown of 4 seconds after the one before
