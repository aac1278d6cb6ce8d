*** Settings ***
Documentation     The plans that the hosting provider tells cost no more than what was agreed.

Resource          ../../resources/deployment.resource
Resource          ../../resources/operations.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         infrastructure


*** Test Cases ***
The Cost Stays Within The Budget
    [Metadata]    Requirement    MON-6
    Given the deployment is healthy and steady
    Then the plans of all services cost no more than the budget

The Database Stays Within Its Plan
    [Metadata]    Requirement    MON-6
    Given the deployment is healthy and steady
    Then the database is smaller than its plan allows
