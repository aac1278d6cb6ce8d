*** Settings ***
Documentation     A collection has one name, one id on each instance, and one row that knows both.

Resource          ../../resources/deployment.resource
Resource          ../../resources/collections.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         enhanced


*** Test Cases ***
A New Collection Is On Both Instances
    [Documentation]    Exactly once on each, as it was asked for, two different ids, one mapping row equal to both, in time.
    [Metadata]    Requirement    MAP-1
    [Tags]    production-validation
    Given the deployment is healthy and steady
    When a collection is created with settings of its own
    Then it is on both instances and mapped, as it was created, within the lag goal
    And creating it again is refused

Thirty Collections At Once Are All Mapped
    [Metadata]    Requirement    MAP-2
    Given the deployment is healthy and steady
    When 30 collections are created at once
    Then every one is on both instances and mapped

Eight Clients Creating One Name Make One Collection
    [Metadata]    Requirement    MAP-2
    Given the deployment is healthy and steady
    When 8 clients create the same collection at once
    Then it is on both instances and mapped

A Deleted Collection Is Gone And Stays Gone
    [Documentation]    By name and from the list of each instance, its mapping row too; a new one of that name is empty.
    [Metadata]    Requirement    MAP-4
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When the collection is deleted
    Then it is gone from both instances and the mapping
    And it stays gone
    When the collection is created again
    Then it is on both instances and mapped, with fresh ids and empty

A Collection Deleted During An Outage Stays Deleted
    [Documentation]    The replica holds it, is away while it is deleted, and must not bring it back.
    [Metadata]    Requirement    MAP-4
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When the replica is suspended
    And one instance is called healthy within the failover limit
    And the collection is deleted
    Then the replica is still away
    When the replica is resumed
    Then it is gone from both instances and the mapping
    And it stays gone

A Collection Deleted While The Primary Is Away Stays Deleted
    [Documentation]    The primary holds it, is away while it is deleted, and must not bring it back.
    [Metadata]    Requirement    MAP-4
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When the primary is suspended
    And one instance is called healthy within the failover limit
    And the collection is deleted
    Then the primary is still away
    When the primary is resumed
    Then it is gone from both instances and the mapping
    And it stays gone

An Instance That Was Away Holds Only The Second Incarnation
    [Documentation]    Created, deleted and created again while the replica is away the whole time.
    [Metadata]    Requirement    MAP-5
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    When the replica is suspended
    And one instance is called healthy within the failover limit
    And a collection is created, filled, deleted and created again with other documents
    Then the replica is still away
    When the replica is resumed
    Then it is on both instances and mapped
    And both instances hold exactly what was acknowledged
