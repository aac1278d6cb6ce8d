*** Settings ***
Documentation     The database has every table and column of the contract, and each takes a row and gives it back.

Resource          ../../resources/database.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation


*** Test Cases ***
Every Table And Column Is There With Its Type
    [Metadata]    Requirement    MON-5
    Given the deployment is healthy and steady
    Then every table has its columns, and each column its type

Every Table Takes A Row And Gives It Back
    [Documentation]    Inserted and read in one transaction, which is then taken back: nothing stays.
    [Metadata]    Requirement    MON-5
    Given the deployment is healthy and steady
    Then a row goes into each table and comes back, and nothing stays
