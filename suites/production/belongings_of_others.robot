*** Settings ***
Documentation     What belongs to others is not touched, and nothing is broken without permission.

Resource          ../../resources/deployment.resource
Resource          ../../resources/collections.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation


*** Test Cases ***
A Collection Of Somebody Else Stays As It Is
    [Documentation]    Its name begins as those of the tests do; only the run's own manifest says what may be deleted.
    [Metadata]    Requirement    PROD-6
    Given the deployment is healthy and steady
    And a collection of somebody else, named as the tests name theirs
    When collections are created, filled and deleted
    Then deleting the collection of somebody else is refused
    And a purge beside it deletes only what its manifest names
    And the collection of somebody else is unchanged on both instances

No Fault Is Made Without Permission
    [Metadata]    Requirement    PROD-6
    Given the deployment is healthy and steady
    Then every fault is refused without permission, and while others may be using the deployment
