*** Settings ***
Documentation     The monitor measures what the services use, and it is noticed when it doesn't.

Resource          ../../resources/monitoring.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up


*** Test Cases ***
Measurements Keep Coming
    [Documentation]    A new row within two intervals; not all zero, and the memory is what the kernel says, too.
    [Metadata]    Requirement    MON-1
    [Tags]    production-validation
    Given the deployment is healthy and steady
    Then measurements keep coming, and can be true

A Killed Monitor Is Noticed And Comes Back
    [Documentation]    The same check that passes above has to fail when nobody measures.
    [Metadata]    Requirement    MON-1
    [Tags]    destructive
    Given the deployment is healthy and steady
    And measurements keep coming, and can be true
    When the monitor is killed
    Then the very same check refuses the deployment
    When the monitor is started again
    Then measurements keep coming, and can be true

Measurements Go On After The Database Was Away
    [Metadata]    Requirement    MON-1
    [Tags]    destructive
    Given the deployment is healthy and steady
    And measurements keep coming, and can be true
    When the database is suspended
    And a measurement falls due meanwhile
    And the database is resumed
    And both instances are healthy again within the recovery limit
    Then measurements keep coming, and can be true
    And a measurement was missed
