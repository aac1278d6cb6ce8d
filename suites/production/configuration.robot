*** Settings ***
Documentation     Each setting of the balancer does what it says; one that can't be used stops the start and is named.

Resource          ../../resources/deployment.resource
Resource          ../../resources/balancing.resource
Resource          ../../resources/configuration.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/monitoring.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/sync.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation


*** Test Cases ***
Settings That Cannot Be Used Stop The Start
    [Documentation]    One line each, with the variable, its value and what is allowed; no line shows a credential.
    [Metadata]    Requirement    PROD-1
    Given a deployment of its own
    Then every unusable address is refused and named
    And every unknown word is refused and named
    And every number out of range is refused and named
    And every amount out of range is refused and named
    And several mistakes are named at once

The Strategy Decides Who Serves Reads
    [Metadata]    Requirement    PROD-1
    Given a deployment of its own with    LOAD_BALANCE_STRATEGY=primary_only
    And a collection with 10 documents
    Then the strategy is the configured one
    And the primary serves all of 100 reads, every one correct
    And the balancer listens on the port it was given

Reads Take Turns, And Workers Bring A Backlog, If That Is Configured
    [Metadata]    Requirement    PROD-1
    [Tags]    destructive
    Given a deployment of its own with    LOAD_BALANCE_STRATEGY=round_robin    SYNC_MODE=distributed
    And a collection with 10 documents
    Then the strategy is the configured one
    And the instances serve 100 reads in turns
    When 2500 documents of a new collection are owed to the replica, written 500 at a time
    And the replica is resumed
    Then both instances hold exactly what was acknowledged
    And the status shows the configured sync mode
    And the tasks are those of the configured sync mode

Reads Are Shared, And Nobody Else Brings A Backlog, If That Is Configured
    [Metadata]    Requirement    PROD-1
    [Tags]    destructive
    Given a deployment of its own with    READ_REPLICA_RATIO=0.3    SYNC_MODE=traditional
    And a collection with 10 documents
    Then the strategy is the configured one
    And the replica serves its configured share of 200 reads
    When 2500 documents of a new collection are owed to the replica, written 500 at a time
    And the replica is resumed
    Then both instances hold exactly what was acknowledged
    And the status shows the configured sync mode
    And the tasks are those of the configured sync mode

The CPU Threshold Decides When More Is Recommended
    [Documentation]    The balancer only checks that it can be used; the monitor of the same deployment follows it.
    [Metadata]    Requirement    PROD-1
    Given a deployment whose recommendations are watched    CPU_THRESHOLD_PERCENT=0.5
    Then more CPU is recommended with medium urgency, for use above 0.5 percent

Interval And Threshold Decide When An Outage Is Noticed
    [Metadata]    Requirement    PROD-1
    [Tags]    destructive
    Given a deployment of its own with    CHECK_INTERVAL=0.5    FAILURE_THRESHOLD=5
    Then a crash is noticed when interval and threshold promise it, 1 times

The Timeout Decides When A Request Is Given Up
    [Documentation]    The instances stay healthy however many checks are slow, so that the timeout alone decides.
    [Metadata]    Requirement    PROD-1
    [Tags]    destructive
    Given a deployment with proxies and    REQUEST_TIMEOUT=2    FAILURE_THRESHOLD=1000
    And a collection with 10 documents
    When the ways to both instances are slowed down by 4 s
    Then a read and a write are given up when the timeout says
    When the ways to both instances are mended
    And the deployment is healthy and steady
    Then both instances hold exactly what was acknowledged

The Limit And The Queue Decide How Many Requests Are Let In
    [Metadata]    Requirement    PROD-1
    [Tags]    destructive
    Given a deployment with proxies and    MAX_CONCURRENT_REQUESTS=4    REQUEST_QUEUE_SIZE=3    CHECK_INTERVAL=2
    And a collection with 10 documents
    When the ways to both instances are slowed down by 500 ms
    Then as many reads at once as configured are at work, wait, and are refused

The Sync Interval Decides When A Refused Write Is Tried Again
    [Documentation]    The replica stays healthy however often it refuses, so that the interval alone decides.
    [Metadata]    Requirement    PROD-1
    [Tags]    destructive
    Given a deployment with proxies and    WAL_SYNC_INTERVAL=0.4    FAILURE_THRESHOLD=1000
    And an empty collection
    Then a write that the replica refuses is tried again at the configured interval
    And both instances hold exactly what was acknowledged

The Batch Size Decides How An Instance Catches Up
    [Metadata]    Requirement    PROD-1
    [Tags]    destructive
    Given a deployment with proxies and    DEFAULT_BATCH_SIZE=10    MAX_BATCH_SIZE=10
    And an empty collection
    When the replica is suspended
    And 60 documents are added, each by a write of its own
    Then the replica returns, and no batch it is sent has more than 10 documents
    And both instances hold exactly what was acknowledged

With A Backlog The Batch Grows Up To The Largest Size And Never Beyond
    [Metadata]    Requirement    PROD-1
    [Tags]    destructive
    Given a deployment with proxies and    DEFAULT_BATCH_SIZE=2    MAX_BATCH_SIZE=4    RESOURCE_CHECK_INTERVAL=0.2
    And an empty collection
    When the replica is suspended
    And 60 documents are added, each by a write of its own
    Then the replica returns, and no batch it is sent has more than 4 documents
    And both instances hold exactly what was acknowledged

Memory Limit, Threshold And Interval Decide When Memory Is Short
    [Metadata]    Requirement    PROD-1
    Given a deployment of its own with
    ...    MAX_MEMORY_MB=400
    ...    MEMORY_THRESHOLD_PERCENT=5
    ...    RESOURCE_CHECK_INTERVAL=0.4
    Then the memory in the status is that of the process
    And memory above the threshold is counted at the configured interval
