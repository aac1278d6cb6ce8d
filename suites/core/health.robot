*** Settings ***
Documentation     The deployment tells the truth about its health, completely and quickly.

Resource          ../../resources/deployment.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/balancing.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation


*** Test Cases ***
Health And Status Are Complete And True
    [Documentation]    Every field of the contract, of the right type; both instances healthy, checked a moment ago.
    [Metadata]    Requirement    HEALTH-1
    Given the deployment is healthy and steady
    Then health and status are complete
    And both instances answer and are called healthy

The Health Check Refuses A Stopped Instance
    [Documentation]    The same check that passes above has to fail when an instance is really stopped.
    [Metadata]    Requirement    HEALTH-1
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    When the replica is suspended
    Then the health check refuses the deployment
    When the replica is resumed
    Then both instances are healthy again within the recovery limit

Health Answers Quickly
    [Documentation]    Fifty samples after three to warm up.
    [Metadata]    Requirement    HEALTH-2
    Given the deployment is healthy and steady
    Then health answers fifty times within its limit

Each Read Is Counted Once
    [Documentation]    Client reads move the counters, health probes don't.
    [Metadata]    Requirement    HEALTH-4
    [Tags]    enhanced
    Given the deployment is healthy and steady
    And a collection with 10 documents
    Then 60 reads are counted, each once, and health probes are not
