*** Settings ***
Documentation     Under stress, every acknowledged write is there exactly once, and every other one everywhere or nowhere.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/write_log.resource
Resource          ../../resources/outages.resource

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

Clients Change Documents While The Primary Goes Away
    [Metadata]    Requirement    TXN-4
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    And clients keep adding, changing and deleting documents
    When the primary is suspended
    Then writes are acknowledged again within the failover limit
    When the primary is resumed
    Then both instances hold exactly what was acknowledged
