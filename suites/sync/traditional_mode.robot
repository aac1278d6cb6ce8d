*** Settings ***
Documentation     Without workers, the balancer alone keeps the instances in line, and nothing else is different.

Resource          ../../resources/deployment.resource
Resource          ../../resources/sync.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up


*** Test Cases ***
What Holds With Workers Holds In Traditional Mode
    [Documentation]    Documents, the write-ahead log and the outage of the primary, on a deployment of its own.
    [Metadata]    Requirement    SYNC-4
    [Tags]    destructive
    Given a deployment of its own with    SYNC_MODE=traditional
    Then there is no task
    And what holds with workers holds without them
    And there is no task
