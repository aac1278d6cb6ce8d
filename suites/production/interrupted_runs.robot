*** Settings ***
Documentation     A run that is cut short mends what it broke, claims nothing, and leaves nothing that can't be found.

Resource          ../../resources/deployment.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation    destructive


*** Test Cases ***
A Run That Is Interrupted Mends What It Broke
    [Metadata]    Requirement    PROD-8
    Given a deployment of its own
    Then a run mends what it broke after    ctrl c

A Run Whose Worker Is Killed Mends What It Broke
    [Metadata]    Requirement    PROD-8
    Given a deployment of its own
    Then a run mends what it broke after    killed worker

The Run After A Lost Machine Mends What Was Broken
    [Documentation]    A frozen process, a locked store, a fault on the way, a stopped service and a silenced channel at once.
    [Metadata]    Requirement    PROD-8
    Given a deployment of its own with fault proxies
    Then a run mends what it broke after    lost machine
