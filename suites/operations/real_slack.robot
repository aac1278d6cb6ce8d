*** Settings ***
Documentation     One message to the channel that people read, for those who give its webhook.

Resource          ../../resources/monitoring.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         real-slack


*** Test Cases ***
The Real Channel Takes A Message
    [Documentation]    Only with SIGNOFF_SLACK_WEBHOOK_URL in the shell.
    [Metadata]    Requirement    MON-3
    [Metadata]    Opt-In    SIGNOFF_SLACK_WEBHOOK_URL
    Then the real channel takes a message
