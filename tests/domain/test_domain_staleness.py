"""A read is stale if it shows what was replaced before it began; without one that could be, nothing is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.checks.staleness import Flapping, Read, Window, catching_up, judge, stale
from signoff.traffic import Sample
from signoff.verdict import CouldNotObserve, NotMet

FIRST, SECOND = Window("replica", 10.0, 11.0), Window("primary", 20.0, 21.0)
GOOD = (
    Read("a", 10.5, 3, 3),
    Read("a", 20.5, 4, 4),
    Read("b", 20.6, 5, 4, query=True),
)
SEEN = Flapping(GOOD, 100, (FIRST, SECOND), 7)


def owed(*numbers: int | None, role: str = "replica") -> list[Sample[dict[str, int]]]:
    """Return a sample for each number, one each second from second 0."""
    return [
        Sample(float(at), at + 0.1, None if number is None else {role: number}) for at, number in enumerate(numbers)
    ]


def test_reads_after_each_return_and_a_query_are_enough() -> None:
    judge(SEEN)
    assert SEEN.catching_up == [1, 2]
    assert SEEN.queried_catching_up == 1


def test_a_return_without_a_read_could_not_be_tested() -> None:
    with pytest.raises(CouldNotObserve, match=r"so many did after each: 0 and 2$"):
        judge(replace(SEEN, reads=GOOD[1:]))


def test_a_read_that_failed_shows_nothing() -> None:
    with pytest.raises(CouldNotObserve, match=r"so many did after each: 0 and 2$"):
        judge(replace(SEEN, reads=(replace(GOOD[0], seen=None), *GOOD[1:])))


def test_reads_without_a_query_could_not_be_tested() -> None:
    with pytest.raises(CouldNotObserve, match="no query was answered"):
        judge(replace(SEEN, reads=GOOD[:2]))


def test_without_a_return_nothing_is_said() -> None:
    with pytest.raises(CouldNotObserve):
        judge(replace(SEEN, windows=()))


def test_a_stale_query_is_named_so() -> None:
    with pytest.raises(NotMet, match=r"1 of 3 reads were stale; the first one, a query of b, showed version 3 after"):
        judge(replace(SEEN, reads=(*GOOD[:2], replace(GOOD[2], seen=3))))


def test_a_stale_read_fails_whenever_it_began() -> None:
    with pytest.raises(NotMet, match="STALE: 1 of 1 read were stale"):
        judge(replace(SEEN, reads=(Read("a", 1.0, 2, 3),)))


def test_the_window_opens_at_the_proved_return() -> None:
    assert catching_up(owed(5, 5, 5, 4, 2, 0, 3), 2.5, "replica") == Window("replica", 2.5, 4.0)


def test_what_was_owed_before_the_return_opens_no_window() -> None:
    window = catching_up(owed(5, 5, 0, 0), 1.5, "replica")
    assert not window.has(Read("a", 1.5, 3, 3))


def test_a_status_that_said_nothing_does_not_close_the_window() -> None:
    assert catching_up(owed(5, None, 5, 0), 0.0, "replica").end == 2.0


@given(
    numbers=st.lists(st.one_of(st.none(), st.integers(0, 2)), max_size=12),
    begin=st.floats(-1, 12),
    started=st.floats(-1, 13),
)
def test_a_read_in_the_window_began_after_the_return_and_before_a_sample_that_owed(
    numbers: list[int | None], begin: float, started: float
) -> None:
    samples = owed(*numbers)
    if catching_up(samples, begin, "replica").has(Read("a", started, 1, 1)):
        assert started >= begin
        assert any(one.value is not None and one.value["replica"] and one.started >= started for one in samples)


@given(
    st.lists(st.builds(Read, st.just("a"), st.floats(0, 9), st.one_of(st.none(), st.integers(0, 9)), st.integers(0, 9)))
)
def test_only_an_answered_read_below_its_floor_is_stale(reads: list[Read]) -> None:
    assert {id(one) for one in stale(reads)} == {
        id(one) for one in reads if one.seen is not None and one.seen < one.floor
    }
