*** Settings ***
Documentation     Run by suites/production/cleanup.robot in a process of its own, to see what passed tests leave behind.

Resource          ../deployment.resource
Resource          ../documents.resource
Resource          ../outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up


*** Test Cases ***
A Test That Passes
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When 10 documents are added, 5 updated and 10 deleted
    Then both instances hold exactly what was acknowledged

A Test That Passes And Makes A Fault
    [Tags]    destructive
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When the primary can no longer write
    And 10 documents are added, 5 updated and 10 deleted
    And the primary can write again
    Then both instances hold exactly what was acknowledged
