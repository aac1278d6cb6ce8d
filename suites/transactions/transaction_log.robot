*** Settings ***
Documentation     Each write leaves exactly one transaction row, which says what the client saw.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/write_log.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         transaction-safety


*** Test Cases ***
Fifteen Writes At Once Are All Logged
    [Metadata]    Requirement    TXN-1
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And an empty collection
    When 15 documents are written at once
    Then each of these writes was acknowledged
    And each of these writes has exactly one row that agrees with what its client saw

Thirty Writes At Once Are All Logged
    [Metadata]    Requirement    TXN-1
    Given the deployment is healthy and steady
    And an empty collection
    When 30 documents are written at once
    Then each of these writes was acknowledged
    And each of these writes has exactly one row that agrees with what its client saw

Sixty Writes At Once Are All Logged
    [Metadata]    Requirement    TXN-1
    Given the deployment is healthy and steady
    And an empty collection
    When 60 documents are written at once
    Then each of these writes was acknowledged
    And each of these writes has exactly one row that agrees with what its client saw

The Log Grows By Exactly Our Writes
    [Documentation]    No row of ours before, exactly as many as we sent afterwards.
    [Metadata]    Requirement    TXN-3
    Given the deployment is healthy and steady
    And an empty collection
    Then the log has no row of the next 15 writes, and exactly 15 after them
    And each of these writes has exactly one row that agrees with what its client saw
