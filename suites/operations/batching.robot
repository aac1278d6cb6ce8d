*** Settings ***
Documentation     What an instance owes is brought in batches that fit the memory, and all of it arrives.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/operations.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive


*** Test Cases ***
With Little Memory Batches Are Small
    [Documentation]    The balancer alone takes more than the memory limit it is given.
    [Metadata]    Requirement    MON-4
    Given a deployment with proxies and    MAX_MEMORY_MB=30    RESOURCE_CHECK_INTERVAL=0.2
    And an empty collection
    When the replica is suspended
    And 100 documents are added, each by a write of its own
    Then batches become small and memory pressure is counted
    And the replica returns and catches up in small batches, without much memory
    And both instances hold exactly what was acknowledged

With Much Memory Batches Are Large
    [Metadata]    Requirement    MON-4
    Given a deployment with proxies and    MAX_MEMORY_MB=4096    RESOURCE_CHECK_INTERVAL=0.2
    And an empty collection
    When the replica is suspended
    And 100 documents are added, each by a write of its own
    Then batches keep their size and no memory pressure is counted
    And the replica returns and catches up in large batches
    And both instances hold exactly what was acknowledged
