*** Settings ***
Documentation     The monitor measures what the services use, and it is noticed when it doesn't.

Resource          ../../resources/documents.resource
Resource          ../../resources/monitoring.resource
Resource          ../../resources/write_log.resource

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

Measurements Count What Was Done
    [Documentation]    Every collection there is, and each document that was brought to both instances.
    [Metadata]    Requirement    MON-1
    Given the deployment is healthy and steady
    And what is counted before is noted
    And a collection with 40 documents
    When 20 documents are added, 5 updated and 10 deleted
    And the log has all of it synced within the lag limit
    Then two measurements count every collection and every document that was written

Measurements Keep Coming Whatever Was Written
    [Documentation]    A deletion by a condition names no document, so nobody can tell how many were synced.
    [Metadata]    Requirement    MON-1
    Given the deployment is healthy and steady
    And a collection with 10 documents to keep and 5 to drop
    When the documents to drop are deleted by a condition
    And the log has all of it synced within the lag limit
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
