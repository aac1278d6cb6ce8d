*** Settings ***
Documentation     An outage is noticed in the time that interval and threshold promise; a single missed check is no outage.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/write_log.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive


*** Test Cases ***
A Crash Is Noticed In Time
    [Metadata]    Requirement    HEALTH-5
    Given the deployment is healthy and steady
    Then a crash is noticed when interval and threshold promise it, 5 times

A Crash Is Noticed In Time With Other Settings
    [Documentation]    With other settings it takes another time, so it is the settings that decide.
    [Metadata]    Requirement    HEALTH-5
    Given a deployment of its own with    CHECK_INTERVAL=0.5    FAILURE_THRESHOLD=4
    Then a crash is noticed when interval and threshold promise it, 3 times

A Missed Check Alone Changes Nothing
    [Documentation]    The checks are lost on their way, and counted there.
    [Metadata]    Requirement    HEALTH-5
    Given a deployment of its own with fault proxies
    Then 1 missed check of the primary changes nothing
    And 1 missed check of the replica changes nothing
    And 2 missed checks of the primary change nothing
