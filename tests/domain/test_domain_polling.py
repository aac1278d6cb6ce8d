"""A wait ends in time, says what was seen last, and never takes "can't be seen" for an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from fake_clock import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from signoff.polling import Observations, poll, require_seen_in_time
from signoff.verdict import CouldNotObserve, NotMet, VerdictClass

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


def test_the_class_stands_before_what_was_seen_last() -> None:
    with pytest.raises(NotMet, match=r"within 1 s; last seen: LOST: bad$"):
        wait(sequence("bad"), verdict=VerdictClass.LOST)


def test_what_cannot_be_seen_has_no_class() -> None:
    with pytest.raises(CouldNotObserve, match=r"last seen: no answer$"):
        wait(sequence("bad", CouldNotObserve("no answer")), verdict=VerdictClass.LOST)


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


class SlowLooks:
    """Something that becomes true once and stays so, and that is looked at slowly.

    Args:
        true_from: seconds after the begin.
        lasting: the seconds that each look takes, one after another, the last one for ever.
        late: the share of a look's time after which it has read what it returns.
    """

    def __init__(self, true_from: float, lasting: list[float], late: float = 0.5) -> None:
        self.clock = FakeClock()
        self.begin = self.clock.now
        self._true_from, self._lasting, self._late = true_from, lasting, late
        self.ended: list[float] = []

    def look(self) -> bool:
        lasting = self._lasting[min(len(self.ended), len(self._lasting) - 1)]
        seen = self.clock.now - self.begin + self._late * lasting >= self._true_from
        self.clock.now += lasting
        self.ended.append(self.clock.now - self.begin)
        return seen

    def wait(self, limit: float, every: float = 0.05, *, patient: bool = False) -> bool:
        return poll(
            self.look,
            bool,
            within=timedelta(seconds=limit),
            every=timedelta(seconds=every),
            what="It is so",
            patient=patient,
            clock=self.clock,
        )


def test_a_look_that_began_in_time_and_ended_late_shows_nothing() -> None:
    with pytest.raises(CouldNotObserve) as caught:
        SlowLooks(true_from=0, lasting=[9]).wait(1)
    assert caught.value.sentence == (
        "It is so: this was seen only by a look that ended after 9 s, so nothing shows that it was so within 1 s"
    )


def test_patience_is_no_limit() -> None:
    assert SlowLooks(true_from=0, lasting=[9]).wait(1, patient=True)


def test_no_time_at_all_is_one_look_however_slow() -> None:
    assert SlowLooks(true_from=0, lasting=[9]).wait(0)


def test_the_time_may_have_begun_earlier() -> None:
    clock = FakeClock()
    with pytest.raises(CouldNotObserve, match="ended after 5 s"):
        poll(lambda: True, bool, within=SECOND, since=clock.now - 5, what="It is so", clock=clock)
    with pytest.raises(NotMet, match="not so within 1 s"):
        poll(lambda: False, bool, within=SECOND, since=clock.now - 5, what="It is so", clock=clock)


def test_the_time_that_judging_takes_is_not_the_deployments() -> None:
    clock = FakeClock()

    def accept(_: object) -> bool:
        clock.now += 9
        return True

    assert poll(lambda: "read", accept, within=SECOND, what="It is so", clock=clock) == "read"


def test_several_looks_together_have_to_end_in_time() -> None:
    require_seen_in_time("They are so", 1.0, SECOND)
    require_seen_in_time("They are so", 9.0, timedelta(0))
    with pytest.raises(CouldNotObserve, match=r"^Could not be tested: They are so: .* after 9 s, .* within 1 s$"):
        require_seen_in_time("They are so", 9.0, SECOND)


@given(
    true_from=st.floats(0, 20),
    lasting=st.lists(st.floats(0.001, 10), min_size=1, max_size=6),
    late=st.floats(0, 1),
    limit=st.floats(0.01, 10),
    every=st.floats(0.01, 1),
)
def test_met_is_in_time_and_not_met_is_late(
    true_from: float, lasting: list[float], late: float, limit: float, every: float
) -> None:
    limit = timedelta(seconds=limit).total_seconds()  # in whole microseconds, as the wait has it
    looks = SlowLooks(true_from, lasting, late)
    try:
        looks.wait(limit, every)
    except NotMet:
        assert true_from > limit
    except CouldNotObserve:
        assert looks.ended[-1] > limit
    else:
        assert true_from <= looks.ended[-1] <= limit
