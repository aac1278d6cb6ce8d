"""The judgement of sync tasks and workers: a legal set is never condemned, and each planted mistake is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.checks.sync_tasks import cut_badly, given_again, not_done, out_of_order, twice_done, unheard
from signoff.checks.traditional import SUITES, conclude, requirements
from signoff.clients.database import SyncTask, SyncWorker
from signoff.places import ROOT
from signoff.report.judgement import JudgedTest
from signoff.verdict import CouldNotObserve, NotMet, Outcome, verdict_classes
from signoff.verdict import VerdictClass as V

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
WORKERS = ["w1", "w2"]


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


@st.composite
def legal(draw: st.DrawFn) -> tuple[list[SyncTask], int, int]:
    """Tasks of one collection that have been carried out as they should be, the number of documents, and the size."""
    documents, size = draw(st.integers(1, 5000)), draw(st.integers(1, 1500))
    tasks = []
    for number, start in enumerate(range(0, documents, size)):
        times = sorted(draw(st.lists(st.floats(0, 60), min_size=3, max_size=3)))
        worker, again = draw(st.sampled_from(WORKERS)), draw(st.integers(0, 2))
        end = min(start + size, documents)
        states = (number, "replica", start, end, "completed", worker, again, None)
        tasks.append(SyncTask(*states, at(times[0]), at(times[1]), at(times[2])))
        if number > 20:
            documents = end
            break
    return tasks, documents, size


@given(legal())
def test_what_was_done_well_is_not_condemned(made: tuple[list[SyncTask], int, int]) -> None:
    tasks, documents, size = made
    assert cut_badly(tasks, documents, size) == []
    assert not_done(tasks, WORKERS) == []
    assert out_of_order(tasks) == []
    assert twice_done([tasks, tasks]) == []


def _all(tasks: list[SyncTask], documents: int, size: int) -> str:
    found = [*cut_badly(tasks, documents, size), *not_done(tasks, WORKERS), *out_of_order(tasks)]
    return "; ".join(found)


PLANTED: list[tuple[Callable[[SyncTask], SyncTask], str, V]] = [
    (lambda t: replace(t, chunk_start_offset=t.chunk_start_offset + 1), "in no task", V.LOST),
    (lambda t: replace(t, chunk_end_offset=t.chunk_end_offset - 1), "no task", V.LOST),
    (lambda t: replace(t, chunk_end_offset=t.chunk_end_offset + 2000), "a chunk has", V.IGNORED_SETTING),
    (lambda t: replace(t, task_status="failed"), "is failed", V.STUCK),
    (lambda t: replace(t, task_status="pending", completed_at=None), "is pending", V.STUCK),
    (lambda t: replace(t, worker_id=None), "by no worker", V.FALSE_RECEIPT),
    (lambda t: replace(t, worker_id="w9"), "which no worker is called", V.FALSE_RECEIPT),
    (lambda t: replace(t, task_status="done"), "there are only", V.BAD_SCHEMA),
    (lambda t: replace(t, completed_at=t.created_at - timedelta(seconds=1)), "out of order", V.FALSE_RECEIPT),
    (lambda t: replace(t, completed_at=None), "no time of completion", V.FALSE_RECEIPT),
    (lambda t: replace(t, started_at=None), "never started", V.FALSE_RECEIPT),
]


@pytest.mark.parametrize(("change", "words", "named"), PLANTED, ids=[words for _, words, _ in PLANTED])
@given(made=legal(), data=st.data())
def test_each_mistake_is_named(
    change: Callable[[SyncTask], SyncTask],
    words: str,
    named: V,
    made: tuple[list[SyncTask], int, int],
    data: st.DataObject,
) -> None:
    tasks, documents, size = made
    place = data.draw(st.integers(0, len(tasks) - 1))
    tasks[place] = change(tasks[place])
    found = _all(tasks, documents, size)
    assert words in found
    assert named in verdict_classes(found)


@given(legal())
def test_an_overlap_a_missing_and_a_surplus_task_are_named(made: tuple[list[SyncTask], int, int]) -> None:
    tasks, documents, size = made
    twice = _all([*tasks, tasks[-1]], documents, size)
    assert "in two tasks" in twice
    assert V.DUPLICATED in verdict_classes(twice)
    assert "in no task" in _all(tasks[:-1], documents, size)
    assert "in no task" in _all([], documents, size)
    assert "were owed" in _all(tasks, documents - 1, size) or documents == 1


def test_a_task_that_is_done_twice_is_named() -> None:
    done = SyncTask(1, "replica", 0, 10, "completed", "w1", 0, None, at(0), at(1), at(2))
    assert twice_done([[done], [replace(done, task_status="processing")]]) == [
        "DUPLICATED: task 1 was completed, and is processing again"
    ]
    assert "completed twice" in twice_done([[done], [replace(done, worker_id="w2")]])[0]
    assert "completed twice" in twice_done([[done], [replace(done, completed_at=at(3))]])[0]


def test_a_task_that_is_given_out_again_is_named() -> None:
    done = SyncTask(1, "replica", 0, 10, "completed", "w1", 0, None, at(0), at(1), at(2))
    assert given_again([done]) == []
    assert given_again([replace(done, retry_count=2)]) == ["DUPLICATED: task 1 was given out again 2 times"]


def worker(beat: float, age: float = 0.1, status: str = "active", name: str = "w1") -> SyncWorker:
    return SyncWorker(name, status, at(beat), None, age)


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        ([[worker(beat)] for beat in (0, 1, 1, 2, 3)], ""),
        ([[worker(beat), worker(0, 99, "inactive", "w2")] for beat in (0, 1, 2, 3)], ""),
        ([[worker(beat)] for beat in (0, 1, 1, 2, 2)], "moved only 2 times"),
        ([[worker(0)], [worker(1)]], "moved only 1 time"),
        ([[worker(0)], [worker(0, 0.2)]], "did not move"),
        ([[worker(beat, 6 if beat == 3 else 0.1)] for beat in (0, 1, 2, 3)], "is 6 s old"),
        ([[worker(1)], [worker(0)]], "went backwards"),
        ([[worker(0)], [worker(0, 9, "inactive")]], "no active worker"),
        ([[worker(beat), worker(0, 0.1, name="w2")] for beat in (0, 1, 2, 3)], "w2 did not move"),
    ],
)
def test_workers_that_are_not_heard_are_named(looks: list[list[SyncWorker]], words: str) -> None:
    found = "; ".join(unheard(looks, timedelta(seconds=5)))
    assert words in found
    assert bool(found) is bool(words)
    assert verdict_classes(found) == (
        () if not words else (V.UNAVAILABLE,) if "no active" in words else (V.LYING_STATUS,)
    )


def judged(outcome: Outcome) -> JudgedTest:
    return JudgedTest("Test", "Suite", outcome, "" if outcome is Outcome.MET else "the reason")


class TestTraditional:
    """What holds with workers has to be met without them, each requirement by name."""

    def test_all_met(self) -> None:
        tests = [("DOC-1", judged(Outcome.MET)), ("WAL-1", judged(Outcome.MET)), ("LB-1", judged(Outcome.NOT_MET))]
        assert conclude(["DOC-1", "WAL-1"], tests) == "DOC-1 and WAL-1 met, 2 tests"

    def test_the_class_of_what_is_not_met_is_kept(self) -> None:
        test = JudgedTest("Test", "Suite", Outcome.NOT_MET, V.MANGLED.says("document a differs"))
        with pytest.raises(NotMet) as caught:
            conclude(["DOC-1"], [("DOC-1", test)])
        assert verdict_classes(str(caught.value)) == (V.MANGLED,)

    def test_one_not_met(self) -> None:
        with pytest.raises(NotMet, match="DOC-1, Test: the reason"):
            conclude(["DOC-1"], [("DOC-1", judged(Outcome.MET)), ("DOC-1", judged(Outcome.NOT_MET))])

    @pytest.mark.parametrize("outcome", [Outcome.NOT_TESTED, Outcome.COULD_NOT_BE_TESTED])
    def test_one_unseen(self, outcome: Outcome) -> None:
        with pytest.raises(CouldNotObserve, match="the reason"):
            conclude(["DOC-1"], [("DOC-1", judged(outcome))])

    def test_one_without_a_test(self) -> None:
        with pytest.raises(CouldNotObserve, match="WAL-1 has no test"):
            conclude(["DOC-1", "WAL-1"], [("DOC-1", judged(Outcome.MET))])

    def test_the_suites_hold_every_test_of_these_requirements(self) -> None:
        everywhere = {
            (id, str(file.relative_to(ROOT / "suites")))
            for file in (ROOT / "suites").rglob("*.robot")
            for id in requirements()
            if f"Requirement    {id}\n" in file.read_text()
        }
        assert {suite for _, suite in everywhere} == set(SUITES)
        assert {id for id, _ in everywhere} == set(requirements())
