"""A wait ends in time, says what was seen last, and never takes "can't be seen" for an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from fake_clock import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from signoff.polling import Observations, poll
from signoff.verdict import CouldNotObserve, NotMet

SECOND = timedelta(seconds=1)


def sequence(*values: object) -> Callable[[], object]:
    """Return the values one after another, the last one for ever; an exception is raised."""
    remaining: Iterator[object] = iter(values)

    def observe() -> object:
        value = next(remaining, values[-1])
        if isinstance(value, Exception):
            raise value
        return value

    return observe


def wait(observe: Callable[[], object], within: timedelta = SECOND, **more: object) -> object:
    clock = FakeClock()
    return poll(observe, lambda v: v == "good", within=within, what="It is good", clock=clock, **more)  # type: ignore[arg-type]


def test_it_returns_what_was_accepted() -> None:
    assert wait(sequence("bad", "good")) == "good"


def test_it_looks_once_even_with_no_time() -> None:
    assert wait(sequence("good"), timedelta(0)) == "good"


def test_the_message_says_what_was_waited_for_how_long_and_what_was_seen_last() -> None:
    with pytest.raises(NotMet) as caught:
        wait(sequence("bad", "worse"))
    assert str(caught.value) == "Not met: It is good: this was not so within 1 s; last seen: worse"


def test_what_cannot_be_seen_at_the_end_could_not_be_tested() -> None:
    with pytest.raises(CouldNotObserve, match="last seen: the replica did not answer"):
        wait(sequence("bad", CouldNotObserve("the replica did not answer")))


def test_a_failed_look_is_repeated() -> None:
    assert wait(sequence(CouldNotObserve("not yet"), CouldNotObserve("not yet"), "good")) == "good"


def test_what_was_seen_after_a_failed_look_decides() -> None:
    with pytest.raises(NotMet, match="last seen: bad"):
        wait(sequence(CouldNotObserve("not yet"), "bad"))


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        wait(sequence("bad", ZeroDivisionError()))


def test_only_changes_are_kept() -> None:
    seen: Observations[object] = Observations()
    wait(sequence("bad", "bad", "bad", "worse", "good"), observations=seen)
    assert [description for _, description in seen.changes] == ["bad", "worse", "good"]
    assert seen.tries == 5


@given(st.floats(0, 100), st.floats(0.001, 10))
def test_it_ends_at_its_deadline(limit: float, every: float) -> None:
    clock = FakeClock()
    begin = clock.now
    with pytest.raises(NotMet):
        poll(
            lambda: None,
            lambda _: False,
            within=timedelta(seconds=limit),
            every=timedelta(seconds=max(every, limit / 1000)),
            what="Never",
            clock=clock,
        )
    assert limit - 1e-3 <= clock.now - begin <= limit + 0.01
