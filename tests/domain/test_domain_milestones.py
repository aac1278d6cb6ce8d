"""What is seen after a fault is timed once, and a return is known from when it was proved."""

from __future__ import annotations

import pytest

from FaultLibrary import FaultLibrary
from signoff.faults.fault_log import FaultLog, Milestone
from signoff.history import FaultKind
from signoff.testbed import Testbed
from signoff.verdict import CouldNotObserve


def test_the_first_time_counts_and_another_fault_begins_anew() -> None:
    log = FaultLog()
    log.proved(FaultKind.CRASH, "primary", 5.0, "refused")
    log.reached(Milestone.DETECTED)
    first = dict(log.milestones)
    log.reached(Milestone.DETECTED)
    assert log.milestones == first
    log.proved(FaultKind.CRASH, "replica", 6.0, "refused")
    assert log.milestones == {}


def test_the_last_return_of_several_counts() -> None:
    log = FaultLog()
    assert log.last_return(["primary", "replica"]) is None
    log.restored("primary", 1.0, "answered")
    one = log.last_return(["primary", "replica"])
    log.restored("replica", 2.0, "answered")
    both = log.last_return(["primary", "replica"])
    assert one is not None
    assert both is not None
    assert both >= one == log.last_return(["primary"])
    assert log.last_return(["balancer"]) is None


def test_phases_that_were_not_seen_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    bed = Testbed.__new__(Testbed)
    bed.faults = FaultLog()
    monkeypatch.setattr("FaultLibrary.current", lambda: bed)
    with pytest.raises(CouldNotObserve, match="no fault was made and undone"):
        FaultLibrary().phases_should_have_been_timed()
    bed.faults.proved(FaultKind.CRASH, "primary", 5.0, "refused")
    bed.faults.reached(Milestone.DETECTED)
    bed.faults.restored("primary", 6.0, "answered")
    with pytest.raises(CouldNotObserve, match="had failed over and recovered"):
        FaultLibrary().phases_should_have_been_timed()
    bed.faults.reached(Milestone.FAILED_OVER)
    bed.faults.reached(Milestone.RECOVERED)
    FaultLibrary().phases_should_have_been_timed()
