*** Settings ***
Documentation     Run by suites/production/cleanup.robot in a process of its own, to see what a passed test leaves behind.

Resource          ../deployment.resource
Resource          ../documents.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up


*** Test Cases ***
A Test That Passes
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When 10 documents are added, 5 updated and 10 deleted
    Then both instances hold exactly what was acknowledged
