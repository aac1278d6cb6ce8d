"""Many requests at once, figures of what was measured, and samples of what can be seen meanwhile.

Threads never log and never judge. They record, and the record is judged afterwards by pure functions.
"""

from __future__ import annotations

import statistics
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Generic, TypeVar

from .verdict import CouldNotObserve

Result = TypeVar("Result")
Seen = TypeVar("Seen")


def at_once(jobs: Sequence[Callable[[], Result]], clients: int) -> list[Result]:
    """Do all jobs, several at the same time, and return their results in the order of the jobs.

    Args:
        jobs: what to do; if one raises, so does this.
        clients: how many at the same time.
    """
    if not jobs:
        return []
    with ThreadPoolExecutor(min(clients, len(jobs)), thread_name_prefix="client") as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    """Return how many of some stretches of time, from their begin until before their end, overlap at most."""
    changes = sorted(
        [(begin, 1) for begin, end in spans if begin < end] + [(end, -1) for begin, end in spans if begin < end]
    )
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


@dataclass(frozen=True)
class Distribution:
    """Figures of a series of durations, in seconds."""

    number: int
    p50: float
    p90: float
    p95: float
    longest: float


def distribution(seconds: Sequence[float]) -> Distribution:
    """Return the figures of a series of durations.

    Raises:
        CouldNotObserve: if there are none.
    """
    if not seconds:
        raise CouldNotObserve("nothing was measured")
    ordered = sorted(seconds)

    def quantile(share: float) -> float:
        # The smallest measured value that this share of all values doesn't exceed: nothing is interpolated.
        return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]

    return Distribution(len(ordered), statistics.median(ordered), quantile(0.9), quantile(0.95), ordered[-1])


@dataclass(frozen=True)
class Sample(Generic[Seen]):
    """One look. ``value`` is None if it failed; times are seconds of the monotonic clock."""

    started: float
    ended: float
    value: Seen | None


class Sampler(Generic[Seen]):
    """Looks at something again and again, in a thread of its own.

    Args:
        observe: looks once; CouldNotObserve makes a sample without a value.
        every: pause between two looks.
    """

    def __init__(self, observe: Callable[[], Seen], every: timedelta = timedelta(milliseconds=50)) -> None:
        self._observe = observe
        self._every = every.total_seconds()
        self._end = threading.Event()
        self._samples: list[Sample[Seen]] = []
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="sampler")

    def start(self) -> Sampler[Seen]:
        """Begin to look."""
        self._thread.start()
        return self

    def samples(self) -> list[Sample[Seen]]:
        """Return what was seen so far."""
        return list(self._samples)

    def stop(self, *, last_look: bool = False) -> list[Sample[Seen]]:
        """End, and return everything that was seen.

        Args:
            last_look: look once more, so that what others have seen before is seen here, too.
        """
        self._end.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        if last_look:
            self._look()
        return self._samples

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                self._look()
                self._end.wait(self._every)
        except BaseException as error:  # noqa: BLE001 (raised again where the sampler is stopped)
            self._failure = error

    def _look(self) -> None:
        started = time.monotonic()
        value: Seen | None = None
        try:
            value = self._observe()
        except CouldNotObserve:
            value = None  # a sample without a value says that nothing was seen
        self._samples.append(Sample(started, time.monotonic(), value))


def last_alive(samples: Sequence[Sample[bool]], after: float) -> float:
    """Return the last moment an instance was seen alive before it was down.

    Args:
        samples: direct probes of it; without a value means that it did not answer.
        after: when the fault was asked for; probes before that don't count as failing.

    Raises:
        CouldNotObserve: if no probe failed, so that there was no fault.
    """
    alive = after
    for sample in samples:
        if sample.value is not None:
            alive = max(alive, sample.started)
        elif sample.ended >= after:
            return alive
    raise CouldNotObserve("the instance answered every direct probe, so there was no fault")


def untrue_stretches(
    status: Sequence[Sample[Mapping[str, bool]]], probes: Mapping[str, Sequence[Sample[bool]]]
) -> list[float]:
    """Return how long each stretch lasted in which a status was untrue, in seconds.

    Args:
        status: what it said of each instance: healthy or not. Without a value it said nothing, which is untrue too.
        probes: direct probes of each instance. Where the probes around a moment disagree, the truth was just
            changing, and the status may say either.
    """
    return [end - begin for begin, end in untrue_spans(status, probes)]


def untrue_spans(
    status: Sequence[Sample[Mapping[str, bool]]], probes: Mapping[str, Sequence[Sample[bool]]]
) -> list[tuple[float, float]]:
    """Return when each stretch began and ended in which a status was untrue; as :func:`untrue_stretches`."""
    spans: list[tuple[float, float]] = []
    since: float | None = None
    for sample in status:
        if _untrue(sample, probes):
            since = sample.started if since is None else since
        elif since is not None:
            spans.append((since, sample.started))
            since = None
    if since is not None:
        spans.append((since, status[-1].ended))
    return spans


def untrue_after_each_change(
    spans: Sequence[tuple[float, float]], probes: Mapping[str, Sequence[Sample[bool]]]
) -> list[float]:
    """Return for how long a status was untrue after each change of the truth, and before the first one, in seconds.

    Args:
        spans: when it was untrue.
        probes: direct probes of each instance; the truth changes where one has another result than the last one had.
    """
    changes = [float("-inf")]
    for looks in probes.values():
        for earlier, later in pairwise(looks):
            if (earlier.value is None) is not (later.value is None):
                changes.append(later.started)
    changes.sort()
    untrue = [0.0] * len(changes)
    for begin, end in spans:
        untrue[bisect_right(changes, begin) - 1] += end - begin
    return untrue


def _untrue(sample: Sample[Mapping[str, bool]], probes: Mapping[str, Sequence[Sample[bool]]]) -> bool:
    if sample.value is None:
        return True
    for name, looks in probes.items():
        earlier = [look for look in looks if look.ended <= sample.started][-1:]
        meanwhile = [look for look in looks if look.ended > sample.started and look.started < sample.ended]
        later = [look for look in looks if look.started >= sample.ended][:1]
        states = {look.value is not None for look in (*earlier, *meanwhile, *later)}
        if len(states) == 1 and sample.value.get(name) not in states:
            return True
    return False
