*** Settings ***
Documentation     Tests clean up after themselves, unless they fail: then a person wants to see what they saw.

Resource          ../../resources/deployment.resource
Resource          ../../resources/lifecycle.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation


*** Test Cases ***
A Passed Test Leaves Nothing
    [Documentation]    No collection, no mapping, nothing owed or unfinished; the logs keep what has happened.
    [Metadata]    Requirement    PROD-5
    Given a deployment of its own
    Then a test that passes leaves nothing behind

A Failed Test Keeps Its Data
    [Metadata]    Requirement    PROD-5
    Given a deployment of its own
    Then a test that fails keeps its data and says how to look at and remove it, and so it is removed
