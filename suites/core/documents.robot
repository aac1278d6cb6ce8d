*** Settings ***
Documentation     Documents arrive on both instances exactly as they were sent, and leave both when they are deleted.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/outages.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         production-validation


*** Test Cases ***
Every Kind Of Change Arrives Exactly
    [Documentation]    The content management workflow: add, get, query, update, upsert, delete.
    [Metadata]    Requirement    DOC-1
    [Tags]    enhanced
    Given the deployment is healthy and steady
    And a collection with 20 documents
    When 5 of them are updated, 8 are upserted and 4 are deleted
    And of 3 of them the metadata alone is updated, and of 3 others the embedding alone
    Then the balancer and both instances hold exactly what was acknowledged
    And a query finds the nearest document first
    And adding a document again changes nothing

A Wrong Dimension Is Refused
    [Metadata]    Requirement    DOC-1
    Given the deployment is healthy and steady
    And a collection with 5 documents
    Then a document of the wrong dimension is refused and nothing is owed
    And the balancer and both instances hold exactly what was acknowledged

The Python Client Works Unchanged
    [Documentation]    get_or_create, add two, query for five; then get the collection again, add and query.
    [Metadata]    Requirement    DOC-2
    Given the deployment is healthy and steady
    Then the Python client finds exactly the documents it added

A Handle From Before A Failover Goes On Working
    [Metadata]    Requirement    DOC-2
    [Tags]    destructive    infrastructure
    Given the deployment is healthy and steady
    And a collection with 10 documents
    When the primary is suspended
    And 5 more documents are added with the handle obtained before
    Then that handle updates, deletes, reads and queries as well
    And the primary is still away
    When the primary is resumed
    And 5 more documents are added with the handle obtained before
    Then that handle updates, deletes, reads and queries as well
    And the balancer and both instances hold exactly what was acknowledged

Deleting By A Condition Deletes Exactly Those
    [Metadata]    Requirement    DOC-3
    Given the deployment is healthy and steady
    And a collection with 4 documents to keep and 4 to drop
    When the documents to drop are deleted by a condition
    Then the balancer and both instances hold exactly what was acknowledged

Deleting By Ids Spares Documents With The Same Metadata
    [Metadata]    Requirement    DOC-3
    Given the deployment is healthy and steady
    And a collection with 8 documents that share one document id in their metadata
    When 3 of them are deleted by their ids
    Then the balancer and both instances hold exactly what was acknowledged

Content Arrives Unchanged
    [Documentation]    Unicode, gzip, every kind of metadata, URIs, nested conditions, a megabyte of text, the largest batch.
    [Metadata]    Requirement    DOC-5
    Given the deployment is healthy and steady
    And a collection with documents of every kind
    Then the balancer and both instances hold exactly what was acknowledged
    And conditions on metadata and texts find exactly their documents everywhere
    And a compressed answer is the same, and a compressed request is taken or refused
    When the largest batch the server takes is added
    Then the balancer and both instances hold exactly what was acknowledged
