*** Settings ***
Documentation     What changes on one instance behind the log's back is noticed, and changed back through the log.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/sync.resource

Suite Setup       Open The Deployment
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive


*** Test Cases ***
What The Replica Loses, Changes Or Makes Up Is Put Right Again
    [Documentation]    By another client of the replica, so that no log tells of it. Some of it was deleted for good before.
    [Metadata]    Requirement    SYNC-1
    Given a deployment of its own with    DRIFT_CHECK_INTERVAL=1
    And a collection with 300 documents
    And 30 of them are updated, 30 are upserted and 40 are deleted
    When 20 documents each are lost, changed and made up on the replica, past the balancer
    Then both instances hold exactly what was acknowledged
    And nothing is resurrected

What The Primary Loses, Changes Or Makes Up Is Put Right Again
    [Documentation]    Who holds what is right is the log's to say, and not the primary's.
    [Metadata]    Requirement    SYNC-1
    Given a deployment of its own with    DRIFT_CHECK_INTERVAL=1
    And a collection with 300 documents
    When 20 documents each are lost, changed and made up on the primary, past the balancer
    Then both instances hold exactly what was acknowledged
    And nothing is resurrected
