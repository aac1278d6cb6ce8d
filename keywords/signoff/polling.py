"""Waiting for a condition, always with a deadline, and always able to say what was seen last.

There is no other way to wait in this library: a fixed pause is either too short or too long, and says nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from .verdict import CouldNotObserve, NotMet, VerdictClass
from .words import duration, shortened

Seen = TypeVar("Seen")

_MOST_SAID = 1000
"""How many characters of what was seen last a message shows: room for a finding of each of several classes."""


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
    since: float | None = None,
    patient: bool = False,
    every: timedelta = timedelta(milliseconds=50),
    describe: Callable[[Seen], str] = str,
    verdict: VerdictClass | None = None,
    clock: Clock = time,
    observations: Observations[Seen] | None = None,
) -> Seen:
    """Look again and again until what is seen is accepted, and return it.

    A look lasts a while, and what it saw held at some moment of it: by its end, for certain, and not before. So only a
    look that has ended in time shows that something was so in time. One that began in time and ended too late may have
    seen what was so only after the limit, or long before: nothing is known, however slow the deployment or the reader
    was. One that began after the limit and was not accepted shows that it was too late.

    Args:
        observe: looks once. It may raise :class:`CouldNotObserve`; then it is asked again.
        accept: whether what was seen will do.
        within: how long to go on. It looks at least once, and once more at the deadline. 0 means a single look, which
            says only what is so now.
        what: what is waited for, as the beginning of a sentence: "The mapping of c1 is complete".
        since: when the time began, in seconds of the clock; by default now.
        patient: whether ``within`` is no limit that is judged, only how long to have patience: then a look that was
            accepted late will do as well.
        every: pause between two looks.
        describe: says in words what was seen, for the message.
        verdict: the class of what was seen last, if that is not accepted and its description doesn't say it itself.
        clock: the time.
        observations: filled with what was seen, for a log.

    Raises:
        NotMet: the deadline passed; the message ends with the last thing seen.
        CouldNotObserve: the last look failed, or it was accepted, and ended after the deadline.
    """
    seen: Observations[Seen] = observations if observations is not None else Observations()
    begin = clock.monotonic() if since is None else since
    limit = within.total_seconds()
    while True:
        started = clock.monotonic() - begin
        failure: CouldNotObserve | None = None
        try:
            value = observe()
        except CouldNotObserve as error:
            failure = error
            seen.note(started, error.sentence)
        else:
            # What is seen can change no more from here on, so the time that judging it takes is not the deployment's.
            ended = clock.monotonic() - begin
            accepted = accept(value)
            seen.note(started, describe(value))
            if accepted:
                if limit and ended > limit and not patient:
                    raise CouldNotObserve(_too_late_to_say(what, ended, within))
                return value
        if started >= limit:
            last = shortened(seen.changes[-1][1], _MOST_SAID)
            found = verdict.says(last) if verdict and not failure else last
            sentence = f"{what}: this was not so within {duration(within)}; last seen: {found}"
            raise (CouldNotObserve if failure else NotMet)(sentence) from None
        clock.sleep(max(0.0, min(every.total_seconds(), limit - (clock.monotonic() - begin))))


def require_seen_in_time(what: str, took: float, within: timedelta) -> None:
    """Make sure that several looks together have ended in time, as a wait makes sure of its one.

    Args:
        what: what was seen, as the beginning of a sentence.
        took: seconds until the last of them had ended.
        within: the limit; 0 for none.

    Raises:
        CouldNotObserve: if they took longer: then nothing shows that it was so in time.
    """
    if within and took > within.total_seconds():
        raise CouldNotObserve(_too_late_to_say(what, took, within))


def _too_late_to_say(what: str, ended: float, within: timedelta) -> str:
    looked = f"this was seen only by a look that ended after {duration(ended)}"
    return f"{what}: {looked}, so nothing shows that it was so within {duration(within)}"
