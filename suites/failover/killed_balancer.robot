*** Settings ***
Documentation     The balancer itself is killed. What it had logged and not executed is not lost, not stuck and not done twice.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/write_log.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/workload.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive


*** Test Cases ***
What Was Logged And Not Executed Is Executed After A Restart
    [Documentation]    With both instances away, every write is logged and none is executed when the balancer is killed.
    ...    What is written to the same documents afterwards stays: nothing of the log is executed a second time.
    [Metadata]    Requirement    WAL-5
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When both instances are suspended
    Then 12 writes are each refused with 503
    And all four gauges show at least 12 owed writes at the same moment
    When the balancer is killed, and up again within the recovery limit
    And both instances are resumed
    Then each refused write is accounted for
    When each document of these writes is written once more
    Then nothing is executed a second time

Killed Under Load Nothing Is Lost
    [Documentation]    At random moments of many writes: before, between and after logging and executing.
    [Metadata]    Requirement    WAL-5
    Given the deployment is healthy and steady
    And clients are at work whatever happens
    When the balancer is killed 3 times, and up again within the recovery limit
    And they stop, and time passes
    Then everything acknowledged is there, and nothing else
    And the log tells the truth about each write
