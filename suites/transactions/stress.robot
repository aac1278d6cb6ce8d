*** Settings ***
Documentation     Under stress, every acknowledged write is there exactly once, and every other one everywhere or nowhere.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/write_log.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/workload.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         transaction-safety


*** Test Cases ***
Thirty Clients Change Documents At Once
    [Metadata]    Requirement    TXN-4
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And an empty collection
    When 30 clients add, change and delete documents of their own at once
    Then each of these writes was acknowledged
    And both instances hold exactly what was acknowledged
    And each of these writes has exactly one row that agrees with what its client saw

Sixty Clients Change Documents At Once
    [Metadata]    Requirement    TXN-4
    Given the deployment is healthy and steady
    And an empty collection
    When 60 clients add, change and delete documents of their own at once
    Then each of these writes was acknowledged
    And both instances hold exactly what was acknowledged
    And each of these writes has exactly one row that agrees with what its client saw

Thirty Clients Are At Work While The Primary Goes Away
    [Metadata]    Requirement    TXN-4
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    And 30 clients are at work with 60 requests a second
    When the primary is suspended
    And they work on
    And the primary is resumed
    And they work on
    And they stop, and time passes
    Then everything acknowledged is there, and nothing else
    And the log tells the truth about each write

Sixty Clients Are At Work While The Primary Freezes
    [Metadata]    Requirement    TXN-4
    [Tags]    destructive
    Given the deployment is healthy and steady
    And 60 clients are at work with 80 requests a second
    When the primary freezes
    And they work on
    And the primary goes on
    And they work on
    And they stop, and time passes
    Then everything acknowledged is there, and nothing else
    And the log tells the truth about each write
