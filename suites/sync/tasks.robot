*** Settings ***
Documentation     What the replica owes is cut into tasks, and workers carry them out: each once, and nothing is left out.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/sync.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         destructive    infrastructure


*** Test Cases ***
A Backlog Is Cut Into Tasks And Carried Out Once
    [Documentation]    Two and a half chunks, and no request ends where a chunk does.
    [Metadata]    Requirement    SYNC-1
    [Tags]    production-validation
    Given a steady deployment that syncs by workers
    And 2500 documents of a new collection are owed to the replica, written 300 at a time
    And the tasks are watched
    When the replica is resumed
    Then both instances hold exactly what was acknowledged within the lag limit
    And the 2500 owed documents were cut into 3 tasks without a gap, each done once by a known worker

Tasks Go Through Their States In Order
    [Documentation]    Documents are changed and deleted again within the backlog, so that its order matters too.
    [Metadata]    Requirement    SYNC-2
    Given a steady deployment that syncs by workers
    And 1500 documents of a new collection are owed to the replica, written 500 at a time
    And 200 of them are updated, 200 are upserted and 200 are deleted
    And the tasks are watched
    When the replica is resumed
    Then both instances hold exactly what was acknowledged within the lag limit
    And the tasks had four states only, in the order of time, and none was stuck or done twice
