"""What a stream of requests and samples says about a fault."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.documents import Document
from signoff.ledger import Kind
from signoff.outcomes import Effect
from signoff.polling import poll
from signoff.sandwiches import Phase, steps
from signoff.traffic import (
    Request,
    Sample,
    Sampler,
    SteadyWriter,
    at_once,
    distribution,
    failover,
    last_alive,
    lives,
    untrue_stretches,
)
from signoff.verdict import CouldNotObserve, NotMet


def request(started: float, ended: float, effect: Effect = Effect.DONE, readable: bool | None = True) -> Request:
    return Request(Kind.ADD, "d", started, ended, effect, readable)


def test_the_first_good_write_must_have_begun_after_the_fault() -> None:
    seen = failover([request(0, 1), request(9.9, 10.2), request(10.5, 10.7)], fault=10)
    assert seen.first_good == pytest.approx(0.7)
    assert (seen.before, seen.during, seen.after) == (2, 1, 0)


def test_failed_requests_are_counted_by_kind() -> None:
    seen = failover(
        [
            request(0, 1),
            request(9.9, 10.2, Effect.UNKNOWN, None),
            request(10.1, 10.2, Effect.NONE, None),
            request(10.2, 10.4, readable=False),
            request(10.3, 10.6),
            request(11.0, 11.1, Effect.UNKNOWN, None),
            request(12.0, 12.1),
        ],
        fault=10,
    )
    assert (seen.refused, seen.unknown, seen.unreadable) == (1, 2, 1)
    assert seen.first_good == pytest.approx(0.6)
    assert seen.last_failing == pytest.approx(1.0)


def test_a_failover_without_traffic_before_or_after_is_no_measurement() -> None:
    with pytest.raises(CouldNotObserve, match="no write was acknowledged before the fault"):
        failover([request(11, 12)], fault=10)
    with pytest.raises(CouldNotObserve, match="no write was tried after the fault"):
        failover([request(0, 1)], fault=10)


def test_a_failover_that_never_succeeds_is_not_met() -> None:
    with pytest.raises(NotMet, match="none of the 1 writes after the fault"):
        failover([request(0, 1), request(11, 12, Effect.UNKNOWN, None)], fault=10)


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


def test_a_third_of_all_writes_are_deletes() -> None:
    kinds = Counter(kind for life in islice(lives("d"), 600) for kind, _ in life)
    assert kinds[Kind.DELETE] / kinds.total() >= 0.3
    assert set(kinds) == set(Kind)


def test_each_sandwich_straddles_two_phases_five_times() -> None:
    touched = {phase: Counter(document.id for _, document in steps(phase)) for phase in Phase}
    cells = Counter(id.rpartition("-")[0] for phase in touched.values() for id in phase)
    assert set(cells.values()) == {10}
    assert len(cells) == 12


def test_a_steady_writer_goes_on_with_another_document_after_a_lost_answer() -> None:
    seen: list[tuple[Kind, str]] = []
    lock = threading.Lock()

    def send(kind: Kind, document: Document) -> Effect:
        with lock:
            seen.append((kind, document.id))
            return Effect.UNKNOWN if len(seen) == 5 else Effect.DONE

    writer = SteadyWriter(send, rate=500, clients=1).start()
    poll(writer.requests, lambda some: len(some) >= 30, within=timedelta(seconds=5), what="30 requests")
    requests = writer.stop()
    lost = next(request for request in requests if request.effect is Effect.UNKNOWN)
    assert [request.id for request in requests if request.started > lost.started and request.id == lost.id] == []


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
