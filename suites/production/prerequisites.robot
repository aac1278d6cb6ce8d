*** Settings ***
Documentation     Before the first test it is clear whether anything can be tested at all, in one sentence.

Resource          ../../resources/deployment.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation


*** Test Cases ***
The Preflight Finds Everything It Needs
    [Metadata]    Requirement    PROD-7
    Given the deployment is healthy and steady
    Then the preflight names every service and its version

The Preflight Refuses What Is Missing Or Wrong
    [Documentation]    A missing variable, an address of nobody or of no database, one instance named twice.
    [Metadata]    Requirement    PROD-7
    Given the deployment is healthy and steady
    Then the preflight refuses each missing variable and names it
    And the preflight refuses an address where nobody listens and names it
    And the preflight refuses a wrong database address without showing its password
    And the preflight refuses one instance given twice

The Preflight Refuses A Control Plane That Cannot Be Used
    [Metadata]    Requirement    PROD-7
    [Tags]    infrastructure
    Given the deployment is healthy and steady
    Then the preflight refuses a control plane that is away, and a wrong key without showing it

A Suite That Is Run By Itself Looks Before Its First Test, Too
    [Metadata]    Requirement    PROD-7
    Given the deployment is healthy and steady
    Then a suite that is run by itself refuses a missing replica as well

The Preflight Waits For A Service That Is Starting
    [Metadata]    Requirement    PROD-7
    Given the deployment is healthy and steady
    Then the preflight waits for a service that is starting
