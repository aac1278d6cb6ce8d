"""What samples say about a fault, and the figures of what was measured."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.polling import poll
from signoff.traffic import (
    Sample,
    Sampler,
    at_once,
    distribution,
    last_alive,
    most_at_once,
    untrue_after_each_change,
    untrue_stretches,
)
from signoff.verdict import CouldNotObserve


def test_a_fault_that_no_probe_saw_is_no_fault() -> None:
    with pytest.raises(CouldNotObserve, match="there was no fault"):
        last_alive([Sample(t, t + 0.1, True) for t in range(5)], after=2)


def test_the_fault_takes_effect_when_the_instance_was_last_seen_alive() -> None:
    probes = [Sample(1, 1.1, True), Sample(2, 2.1, True), Sample[bool](3, 3.1, None), Sample(4, 4.1, True)]
    assert last_alive(probes, after=1.5) == 2


def look(at: float, healthy: bool | None) -> Sample[dict[str, bool]]:
    return Sample(at, at + 0.01, None if healthy is None else {"primary": healthy})


def alive(*states: bool) -> dict[str, list[Sample[bool]]]:
    return {"primary": [Sample(n + 0.5, n + 0.6, True if state else None) for n, state in enumerate(states)]}


def test_a_status_that_follows_is_true() -> None:
    status = [look(1, True), look(2, True), look(3, False), look(4, False)]
    assert untrue_stretches(status, alive(True, True, False, False, False)) == []


def test_a_status_that_stays_healthy_lies_until_it_changes() -> None:
    status = [look(1, True), look(2, True), look(3, True), look(4, False)]
    assert untrue_stretches(status, alive(True, False, False, False, False)) == [pytest.approx(2)]


def test_a_status_that_does_not_answer_tells_nothing_true() -> None:
    assert untrue_stretches([look(1, True), look(2, None)], alive(True, True, True)) == [pytest.approx(0.01)]


def test_untrue_stretches_are_added_up_from_one_change_to_the_next() -> None:
    probes = alive(True, True, False, False, True, True)
    spans = [(1.0, 1.1), (2.6, 2.8), (3.0, 3.4), (4.6, 4.9)]
    assert untrue_after_each_change(spans, probes) == [pytest.approx(0.1), pytest.approx(0.6), pytest.approx(0.3)]
    assert untrue_after_each_change([], {}) == [0.0]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=8))
def test_what_is_under_way_at_once_is_what_a_moment_shows(spans: list[tuple[int, int]]) -> None:
    real = [(float(begin), float(end)) for begin, end in spans if begin < end]
    seen = max((sum(begin <= moment + 0.5 < end for begin, end in real) for moment in range(21)), default=0)
    assert most_at_once([(float(begin), float(end)) for begin, end in spans]) == seen


@given(st.lists(st.floats(0, 1000), min_size=1))
def test_figures_are_measured_values_in_order(values: list[float]) -> None:
    figures = distribution(values)
    assert figures.number == len(values)
    assert figures.p90 in values
    assert figures.p95 in values
    assert figures.p50 <= figures.p90 <= figures.p95 <= figures.longest == max(values)


def test_95_percent_of_50_is_the_48th() -> None:
    assert distribution([float(n) for n in range(1, 51)]).p95 == 48


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(CouldNotObserve):
        distribution([])


def test_jobs_are_done_at_the_same_time_and_answered_in_order() -> None:
    barrier = threading.Barrier(5, timeout=5)

    def job(number: int) -> int:
        barrier.wait()
        return number

    assert at_once([lambda n=n: job(n) for n in range(5)], 5) == [0, 1, 2, 3, 4]


def test_what_breaks_a_sampler_is_raised_where_it_is_stopped() -> None:
    sampler: Sampler[int] = Sampler(lambda: 1 // 0).start()
    with pytest.raises(ZeroDivisionError):
        sampler.stop()


def test_a_failed_look_is_a_sample_without_a_value() -> None:
    def observe() -> int:
        raise CouldNotObserve("nobody there")

    sampler: Sampler[int] = Sampler(observe, timedelta(milliseconds=1)).start()
    poll(sampler.samples, lambda some: len(some) >= 3, within=timedelta(seconds=5), what="3 samples")
    assert {sample.value for sample in sampler.stop()} == {None}
