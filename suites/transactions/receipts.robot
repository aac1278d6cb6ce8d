*** Settings ***
Documentation     Whoever got no acknowledgement can rely on the log: what it claims of a write is what became of it.

Resource          ../../resources/deployment.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/workload.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         transaction-safety    destructive


*** Test Cases ***
Receipts Are True When Both Instances Go Away
    [Documentation]    Every write is refused then, and applied or given up afterwards, as the log says.
    [Metadata]    Requirement    TXN-5
    [Tags]    infrastructure
    Given the deployment is healthy and steady
    And clients are at work whatever happens
    When both instances are suspended
    And they work on
    And both instances are resumed
    And they work on
    And they stop
    Then at least 20 writes had no acknowledgement
    And the log tells the truth about each write
    And everything acknowledged is there, and nothing else

Receipts Are True When The Log Itself Goes Away
    [Documentation]    What cannot be logged is not attempted; the refusals are accounted for when the log is back.
    [Metadata]    Requirement    TXN-5
    [Tags]    infrastructure
    Given the deployment is healthy and steady
    And clients are at work whatever happens
    When the database is suspended
    And they work on
    And the database is resumed
    And they work on
    And they stop
    Then at least 10 writes had no acknowledgement
    And the log tells the truth about each write
    And everything acknowledged is there, and nothing else

Receipts Are True When The Balancer Is Killed
    [Metadata]    Requirement    TXN-5
    Given the deployment is healthy and steady
    And clients are at work whatever happens, with 120 requests a second
    When the balancer is killed 5 times, and up again within the recovery limit
    And they stop
    Then some writes had no acknowledgement
    And the log tells the truth about each write
