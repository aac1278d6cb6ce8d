*** Settings ***
Documentation     Instances come and go. Whoever is still catching up serves nothing that is out of date.

Resource          ../../resources/deployment.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive    enhanced


*** Test Cases ***
Nothing Stale Is Read While Instances Crash And Return
    [Metadata]    Requirement    FAIL-10
    Given the deployment is healthy and steady
    Then no read is stale while the instances crash and return in turns, 4 times
    And both instances are healthy again within the recovery limit

Nothing Stale Is Read While Instances Freeze And Go On
    [Metadata]    Requirement    FAIL-10
    Given the deployment is healthy and steady
    Then no read is stale while the instances freeze and go on in turns, 4 times
    And both instances are healthy again within the recovery limit
