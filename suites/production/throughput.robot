*** Settings ***
Documentation     Writes and queries are fast enough, and every single one is right.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource

Suite Setup       Open The Deployment To Measure It
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation


*** Test Cases ***
One Client Writes Fast Enough
    [Metadata]    Requirement    PROD-3
    Given the deployment is healthy and steady
    And an empty collection
    Then 300 adds, 1 at a time, reach the required rate without an error
    And both instances hold exactly what was acknowledged

Eight Clients Write Fast Enough
    [Metadata]    Requirement    PROD-3
    Given the deployment is healthy and steady
    And an empty collection
    Then 300 adds, 8 at a time, reach the required rate without an error
    And both instances hold exactly what was acknowledged

One Client Queries Fast Enough
    [Metadata]    Requirement    PROD-4
    Given the deployment is healthy and steady
    And a collection with 100 documents
    Then 300 queries, 1 at a time, reach the required rate, every answer right

Eight Clients Query Fast Enough
    [Metadata]    Requirement    PROD-4
    Given the deployment is healthy and steady
    And a collection with 100 documents
    Then 300 queries, 8 at a time, reach the required rate, every answer right
