*** Settings ***
Documentation     Workers that live are heard, and the task of one that does not is finished by another.

Resource          ../../resources/deployment.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/outages.resource
Resource          ../../resources/sync.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up


*** Test Cases ***
Workers Are Heard
    [Metadata]    Requirement    SYNC-3
    Given a steady deployment that syncs by workers
    Then each active worker is heard within the heartbeat limit

A Killed Worker Is Noticed And Its Task Taken Over
    [Metadata]    Requirement    SYNC-3
    [Tags]    destructive
    Given a steady deployment that syncs by workers
    And 5000 documents of a new collection are owed to the replica, written 500 at a time
    And the tasks are watched
    When the replica is resumed, and a worker is killed at its task
    Then the worker is not called active any more
    And its task is finished by another one
    And the tasks had four states only, in the order of time, and none was stuck or done twice
    And both instances hold exactly what was acknowledged
    When the worker is started again
    Then each active worker is heard within the heartbeat limit

A Frozen Worker Spoils Nothing When It Goes On
    [Documentation]    What it had begun was finished by another one, and all of it is deleted before it goes on.
    [Metadata]    Requirement    SYNC-3
    [Tags]    destructive
    Given a steady deployment that syncs by workers
    And 5000 documents of a new collection are owed to the replica, written 500 at a time
    When the replica is resumed, and a worker freezes at its task
    Then the worker is not called active any more
    And its task is finished by another one
    When all of them are deleted
    And the worker goes on
    Then each active worker is heard within the heartbeat limit
    And both instances hold exactly what was acknowledged
    And nothing is resurrected
