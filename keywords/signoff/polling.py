"""Waiting for a condition, always with a deadline, and always able to say what was seen last.

There is no other way to wait in this library: a fixed pause is either too short or too long, and says nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from .verdict import CouldNotObserve, NotMet
from .words import duration, shortened

Seen = TypeVar("Seen")


class Clock(Protocol):
    """Time as the waits see it; tests give another one."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


@dataclass
class Observations(Generic[Seen]):
    """What a wait saw, without the repetitions.

    Attributes:
        changes: each new description with the seconds after which it was first seen; the first and the last are the
            first and the last thing seen.
        tries: how often it looked.
    """

    changes: list[tuple[float, str]] = field(default_factory=list)
    tries: int = 0

    def note(self, after: float, description: str) -> None:
        self.tries += 1
        if not self.changes or self.changes[-1][1] != description:
            self.changes.append((after, description))

    def __str__(self) -> str:
        return "; ".join(f"after {duration(after)}: {description}" for after, description in self.changes)


def poll(
    observe: Callable[[], Seen],
    accept: Callable[[Seen], bool],
    *,
    within: timedelta,
    what: str,
    every: timedelta = timedelta(milliseconds=50),
    describe: Callable[[Seen], str] = str,
    clock: Clock = time,
    observations: Observations[Seen] | None = None,
) -> Seen:
    """Look again and again until what is seen is accepted, and return it.

    Args:
        observe: looks once. It may raise :class:`CouldNotObserve`; then it is asked again.
        accept: whether what was seen will do.
        within: how long to go on. It looks at least once, and once more at the deadline.
        what: what is waited for, as the beginning of a sentence: "The mapping of c1 is complete".
        every: pause between two looks.
        describe: says in words what was seen, for the message.
        clock: the time.
        observations: filled with what was seen, for a log.

    Raises:
        NotMet: the deadline passed; the message ends with the last thing seen.
        CouldNotObserve: the last look before the deadline failed.
    """
    seen: Observations[Seen] = observations if observations is not None else Observations()
    begin = clock.monotonic()
    limit = within.total_seconds()
    while True:
        # The time is taken before the look: a look that began in time counts, however slow the answer was to judge.
        started = clock.monotonic() - begin
        failure: CouldNotObserve | None = None
        try:
            value = observe()
        except CouldNotObserve as error:
            failure = error
            seen.note(started, error.sentence)
        else:
            if accept(value):
                seen.note(started, describe(value))
                return value
            seen.note(started, describe(value))
        if started >= limit:
            last = shortened(seen.changes[-1][1], 600)
            sentence = f"{what}: this was not so within {duration(within)}; last seen: {last}"
            raise (CouldNotObserve if failure else NotMet)(sentence) from None
        clock.sleep(max(0.0, min(every.total_seconds(), limit - (clock.monotonic() - begin))))
