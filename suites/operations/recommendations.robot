*** Settings ***
Documentation     A larger plan is recommended when it is due: above each threshold, not below it, never on a calm system.

Resource          ../../resources/monitoring.resource
Resource          ../../resources/documents.resource
Resource          ../../resources/write_log.resource

Suite Setup       Open The Deployment Alone
Suite Teardown    Close The Deployment
Test Teardown     The Test Is Tidied Up

Test Tags         enhanced


*** Test Cases ***
A Calm Deployment Gets No Advice
    [Metadata]    Requirement    MON-2
    Given a deployment whose recommendations are watched
    Then no larger plan is recommended

Use Below Its Threshold Gets No Advice
    [Documentation]    What an idle deployment uses is a little below these thresholds, and above those of the next test.
    [Metadata]    Requirement    MON-2
    Given a deployment whose recommendations are watched    MEMORY_THRESHOLD_PERCENT=40    CPU_THRESHOLD_PERCENT=90
    Then no larger plan is recommended for memory or CPU

Use Above Its Threshold Gets Advice
    [Metadata]    Requirement    MON-2
    Given a deployment whose recommendations are watched    MEMORY_THRESHOLD_PERCENT=5    CPU_THRESHOLD_PERCENT=0.5
    Then more memory is recommended with medium urgency, for use above 5 percent
    And more CPU is recommended with medium urgency, for use above 0.5 percent

Use Above What There Is Gets Urgent Advice
    [Documentation]    The services use more than their plan gives, in this case very small ones.
    [Metadata]    Requirement    MON-2
    Given a deployment whose recommendations are watched    MAX_MEMORY_MB=20    MAX_CPU_CORES=0.001
    Then more memory is recommended with high urgency, for use above 95 percent
    And more CPU is recommended with high urgency, for use above 95 percent

The Thresholds Of The Contract Are Kept
    [Documentation]    None of them is set: 85 % of the memory, 80 % of the CPU, 1,000 owed writes.
    [Metadata]    Requirement    MON-2
    [Tags]    destructive
    Given a deployment whose memory is nearly used up, and whose recommendations are watched
    And an empty collection
    When the replica is suspended
    And 900 documents are added, each by a write of its own
    Then the contract's thresholds are kept for what is used
    And no larger plan is recommended for the backlog
    When 200 documents are added, each by a write of its own
    Then a larger plan is recommended with medium urgency for a backlog above 1000 up to 5000

A Backlog Gets Advice Above Its Thresholds
    [Documentation]    With small thresholds in place of 1,000 and 5,000 owed writes.
    [Metadata]    Requirement    MON-2
    [Tags]    destructive
    Given a deployment whose recommendations are watched    BACKLOG_THRESHOLD=20    BACKLOG_HIGH_THRESHOLD=60
    And an empty collection
    When the replica is suspended
    And 15 documents are added, each by a write of its own
    Then no larger plan is recommended for the backlog
    When 20 documents are added, each by a write of its own
    Then a larger plan is recommended with medium urgency for a backlog above 20 up to 60
    When 40 documents are added, each by a write of its own
    Then a larger plan is recommended with high urgency for a backlog above 60 up to 1000
