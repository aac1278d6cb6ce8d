*** Settings ***
Documentation     Many documents, many collections: everything arrives, nothing fails.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation    enhanced


*** Test Cases ***
Ten Collections Are Filled In Parallel
    [Documentation]    Every write has to be acknowledged.
    [Metadata]    Requirement    DOC-4
    Given the deployment is healthy and steady
    When 10 collections are filled with 50 documents each, in parallel
    Then every collection holds exactly what was acknowledged

Five Thousand Documents In One Collection
    [Documentation]    Every write has to be acknowledged.
    [Metadata]    Requirement    DOC-4
    Given the deployment is healthy and steady
    When 5000 documents are added to one collection
    Then every collection holds exactly what was acknowledged
