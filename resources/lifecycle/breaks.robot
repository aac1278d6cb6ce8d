*** Settings ***
Documentation     Run by suites/production/interrupted_runs.robot in a process of its own, and killed in the middle of it.

Resource          ../deployment.resource
Resource          ../documents.resource
Resource          ../lifecycle.resource
Resource          ../monitoring.resource
Resource          ../outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive


*** Test Cases ***
A Test That Makes Every Kind Of Fault At Once
    [Metadata]    Requirement    FAIL-4
    Given the deployment is healthy and steady
    And a collection with 20 documents
    And the alerts are watched
    When Slack answers every message with an error
    And the way to the primary is slowed down by 50 ms
    And the monitor is killed
    And the primary can no longer write
    And the replica freezes
    Then the replica is still frozen
    When everything stays as it is until the run is interrupted

A Test That Never Gets Its Turn
    [Metadata]    Requirement    FAIL-5
    Given the deployment is healthy and steady
    And a collection with 20 documents
    Then both instances hold exactly what was acknowledged
