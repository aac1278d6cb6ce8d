*** Settings ***
Documentation     This library cannot be fooled by a name where an id is wanted, nor by an instance that cannot be read.

Resource          ../../resources/deployment.resource
Resource          ../../resources/collections.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         enhanced


*** Test Cases ***
A Data Call By The Wrong Reference Is An Error
    [Documentation]    By name, by a shortened id, by the other instance's id: never "0 documents".
    [Metadata]    Requirement    MAP-3
    [Tags]    production-validation
    Given the deployment is healthy and steady
    And a collection with 5 documents
    Then reading its documents by name is an error, not zero documents
    And reading its documents by a shortened id is an error, not zero documents
    And reading its documents by the other instance's id is an error, not zero documents

A Collection Looked Up By Id Is Not Absent
    [Documentation]    The control plane wants names: a 404 for an id says nothing about the collection.
    [Metadata]    Requirement    MAP-3
    Given the deployment is healthy and steady
    And a collection with 5 documents
    Then looking it up by its id is an error, not an absence
    And deleting it by its id deletes nothing

An Instance That Cannot Be Read Is Not Empty
    [Metadata]    Requirement    MAP-3
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    And a collection with 5 documents
    When the replica is suspended
    Then reading the replica is an error, not zero documents
