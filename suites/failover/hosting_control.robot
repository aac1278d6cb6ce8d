*** Settings ***
Documentation     A real infrastructure failure, made and undone through the hosting provider's API.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive    infrastructure


*** Test Cases ***
A Service Is Suspended, Proved Down, Worked Without, Resumed And Proved Up
    [Metadata]    Requirement    FAIL-6
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And a collection with 10 documents
    When the primary is suspended
    And 10 documents are added, 2 updated and 3 deleted
    Then the balancer serves exactly what was acknowledged, and queries find the nearest first
    And the primary is still away
    When the primary is resumed
    Then the control plane shows that the primary was suspended and resumed
    And both instances are healthy again within the recovery limit
    And both instances hold exactly what was acknowledged
