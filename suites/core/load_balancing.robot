*** Settings ***
Documentation     Reads are shared between the instances as configured, and move when one is away.

Resource          ../../resources/deployment.resource
Resource          ../../resources/balancing.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation


*** Test Cases ***
Reads Are Shared As Configured
    [Metadata]    Requirement    LB-1
    [Tags]    enhanced
    Given the deployment is healthy and steady
    And a collection with 10 documents
    Then the replica serves its configured share of 200 reads

All Reads Go To The Primary While The Replica Is Away
    [Metadata]    Requirement    LB-1
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    And a collection with 10 documents
    When the replica is suspended
    Then the primary serves all of 200 reads, every one correct

A Ratio Of Zero Sends No Read To The Replica
    [Metadata]    Requirement    LB-1
    Given a deployment of its own with    READ_REPLICA_RATIO=0
    And a collection with 10 documents
    Then the primary serves all of 200 reads, every one correct

A Ratio Of One Sends Every Read To The Replica
    [Metadata]    Requirement    LB-1
    Given a deployment of its own with    READ_REPLICA_RATIO=1
    And a collection with 10 documents
    Then the replica serves all of 200 reads, every one correct
