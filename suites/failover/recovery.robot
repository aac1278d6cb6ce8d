*** Settings ***
Documentation     An instance comes back, catches up, and nothing that was deleted comes back with it.

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
A Returned Instance Catches Up By Itself
    [Documentation]    Two of two again, exact, and nothing resurrected while it is watched.
    [Metadata]    Requirement    FAIL-4
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And a collection with 30 documents
    When the replica is suspended
    And 20 documents are added, 10 updated and 15 deleted
    And the replica is still away
    And the replica is resumed
    Then both instances are healthy again within the recovery limit
    And both instances hold exactly what was acknowledged within the lag limit
    And nothing is resurrected
    And no row of the log has failed

A Returned Primary Catches Up Under Load
    [Documentation]    While clients go on changing what it has missed; nothing that was deleted comes back.
    [Metadata]    Requirement    FAIL-4
    Given the deployment is healthy and steady
    And clients keep adding, changing and deleting documents
    When the primary is suspended
    And they work on
    And the primary is resumed
    Then both instances are healthy again within the recovery limit
    When they work on
    And they stop, and time passes
    Then everything acknowledged is there, and nothing else

From Failure To Validation
    [Documentation]    One story: a state is saved, the primary fails, work goes on, it recovers, the state is compared.
    [Metadata]    Requirement    FAIL-5
    Given the deployment is healthy and steady
    And a collection with 25 documents
    And another collection whose state is saved
    When the primary is suspended
    Then the outage is told and work goes on within the failover limit
    When 15 documents are added, 5 updated and 5 deleted
    And the primary is resumed
    Then both instances are healthy again within the recovery limit
    And both instances hold exactly what was acknowledged within the lag limit
    And the saved state is unchanged on both instances, and each phase is timed
