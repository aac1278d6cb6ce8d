"""Each field of a status is compared with what it speaks of, and every second in which one was untrue counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.checks.health import Look, Truth, Watched, checked_lately, judge_watch, watched
from signoff.clients.balancer import InstanceStatus, Status
from signoff.traffic import Sample
from signoff.verdict import CouldNotObserve, NotMet

NOON = datetime(2026, 1, 1, 12).astimezone()
TRUTH = Truth("READ_REPLICA_FIRST", timedelta(seconds=0.5), timedelta(seconds=0.5))
ALLOWED = timedelta(seconds=1)
GOOD = Watched([2, 1, 2], 0.4, 0.7, [], True, 20, 100, 200)


def status(*, replica: bool = True, owed: int = 0, checked: datetime = NOON) -> Status:
    instances = {
        name: InstanceStatus(name, healthy, 0, 0, checked, 0)
        for name, healthy in (("primary", True), ("replica", replica))
    }
    return Status(
        "READ_REPLICA_FIRST", "distributed", 0.5, 10.0, "1", 1 + replica, 2, instances, owed, 0, 0.0, 10, 10.0, 10.0, 0
    )  # fmt: skip


def look(said: Status, before: int | None = 0, after: int | None = 0) -> Look:
    return Look(said, before, after, NOON)


def test_a_true_status_has_no_findings() -> None:
    assert TRUTH.findings(look(status(owed=3), 3, 3)) == []


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (look(replace(status(), strategy="OTHER")), "the strategy OTHER, and READ_REPLICA_FIRST is configured"),
        (look(replace(status(), healthy_instances=1)), "1 healthy instances, and calls 2 of them healthy"),
        (look(status(), 3, 3), "0 writes pending, and the log has 3"),
        (look(status(owed=1), 0, 0), "1 write pending, and the log has 0"),
        (look(status(checked=NOON - timedelta(seconds=1.1))), "that the primary was last checked 1.1 s ago"),
        (look(status(checked=NOON + timedelta(hours=1))), "that the primary was last checked 60 min from now"),
    ],
)
def test_each_field_that_is_untrue_is_named(seen: Look, words: str) -> None:
    assert TRUTH.findings(seen)[0] == words


@pytest.mark.parametrize(("before", "after"), [(3, 2), (2, 3), (None, 3), (3, None), (None, None)])
def test_a_number_that_changes_or_is_not_known_is_not_held_against_the_status(
    before: int | None, after: int | None
) -> None:
    assert TRUTH.findings(look(status(owed=7), before, after)) == []


def test_a_field_that_is_untrue_makes_the_status_untrue_for_as_long() -> None:
    wrong, right = look(status(owed=5), 3, 3), look(status(owed=3), 3, 3)
    samples = [Sample(float(at), at + 0.1, wrong if 2 <= at < 5 else right) for at in range(8)]
    probes = {name: [Sample(at / 2, at / 2 + 0.1, True) for at in range(20)] for name in ("primary", "replica")}
    seen = watched(samples, probes, TRUTH)
    assert seen.untrue == pytest.approx(3)
    assert seen.untruths == ["5 writes pending, and the log has 3"]
    assert (seen.counts, seen.owed, seen.outage) == ([2], 3, False)


def test_what_was_seen_is_enough() -> None:
    judge_watch(GOOD, ALLOWED, [2, 1, 2])


def test_many_short_untruths_are_one_long_one() -> None:
    with pytest.raises(NotMet, match=r"LYING-STATUS: the status was untrue for 1\.5 s in all after an instance had"):
        judge_watch(replace(GOOD, untrue_after_a_change=1.5), ALLOWED, [2, 1, 2])


def test_without_an_outage_or_anything_owed_nothing_is_said() -> None:
    with pytest.raises(CouldNotObserve, match="no outage to tell"):
        judge_watch(replace(GOOD, outage=False), ALLOWED, [2, 1, 2])
    with pytest.raises(CouldNotObserve, match="no write was owed"):
        judge_watch(replace(GOOD, owed=0), ALLOWED, [2, 1, 2])


def test_a_count_that_changes_its_mind_is_a_lie() -> None:
    with pytest.raises(NotMet, match="went 2 → 1 → 2 → 1 → 2 instead of 2 → 1 → 2"):
        judge_watch(replace(GOOD, counts=[2, 1, 2, 1, 2]), ALLOWED, [2, 1, 2])


@given(st.floats(-10, 10))
def test_a_health_check_is_of_a_moment_ago_and_of_no_other_time(ago: float) -> None:
    at = NOON - timedelta(seconds=ago)
    oldest, found = checked_lately({"primary": NOON, "replica": at}, NOON, ALLOWED, timedelta(seconds=0.5))
    assert bool(found) is not (NOON - ALLOWED <= at <= NOON + timedelta(seconds=0.5))
    assert oldest == max(NOON - at, timedelta(0))
    assert all("of the replica" in words for words in found)
