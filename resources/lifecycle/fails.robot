*** Settings ***
Documentation     Run by suites/production/cleanup.robot in a process of its own, to see what a failed test keeps.

Resource          ../deployment.resource
Resource          ../documents.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up


*** Test Cases ***
A Test That Passes Beside One That Fails
    Given the deployment is healthy and steady
    And a collection with 5 documents
    Then both instances hold exactly what was acknowledged

A Test That Fails On Purpose
    Given a collection with 20 documents
    Then both instances hold exactly what was acknowledged
    Fail    Not met: this test fails on purpose
