*** Settings ***
Documentation     Every write is logged before it is tried, applied in order, and in time on both instances.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/write_log.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/workload.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         enhanced


*** Test Cases ***
Each Write Has Its Row And Is Synced In Time
    [Metadata]    Requirement    WAL-1
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And an empty collection
    When 20 documents are added one by one
    Then the log holds exactly 20 rows of these writes, synced within the lag limit

What Is Owed Is Shown Everywhere
    [Documentation]    Status, WAL status, metrics and SQL agree while the replica owes 12 writes, and afterwards.
    [Metadata]    Requirement    WAL-2
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    And an empty collection
    When the replica is suspended
    And 12 documents are added one by one
    Then all four gauges show at least 12 owed writes at the same moment
    And the status shows 12 of them as owed by the replica alone, and as old as they are
    When the replica is resumed
    Then all four gauges show that nothing is owed, within the lag limit
    And both instances hold exactly what was acknowledged at that very moment

Each Document Is In Sync Within The Lag Limit
    [Metadata]    Requirement    WAL-3
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And an empty collection
    Then each of 30 documents is exact on both instances within the lag limit

Five Hundred Owed Writes Are In Sync Within The Lag Limit
    [Documentation]    They are owed in the log itself, while the replica is away; each is timed from its return.
    [Metadata]    Requirement    WAL-3
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    And an empty collection
    When the replica is suspended
    And 500 documents are added, each by a write of its own
    Then all four gauges show at least 500 owed writes at the same moment
    And the replica is still away
    When the replica is resumed
    Then each of 500 documents that were owed to the replica is exact there within the lag limit
    And both instances hold exactly what was acknowledged within the lag limit

Writes Are Replayed In Their Order
    [Documentation]    Sequences of changes to the same documents and collections, cut by the outage in each of its phases.
    [Metadata]    Requirement    WAL-4
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    And clients keep adding, changing and deleting documents
    When the replica is suspended
    And they work on
    And the replica is resumed
    And they work on
    And they stop, and time passes
    Then everything acknowledged is there, and nothing else
    And the gauge of owed writes was not blind
