"""Load: many requests at once, a steady stream across a fault, and samples of what can be seen meanwhile.

Threads never log and never judge. They record, and the record is judged afterwards by pure functions.
"""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from .documents import Document, make_documents, rewritten, same
from .ledger import Kind
from .outcomes import Effect
from .verdict import CouldNotObserve, NotMet

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

    def stop(self) -> list[Sample[Seen]]:
        """End, and return everything that was seen."""
        self._end.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self._samples

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                started = time.monotonic()
                value: Seen | None = None
                try:
                    value = self._observe()
                except CouldNotObserve:
                    value = None  # a sample without a value says that nothing was seen
                self._samples.append(Sample(started, time.monotonic(), value))
                self._end.wait(self._every)
        except BaseException as error:  # noqa: BLE001 (raised again where the sampler is stopped)
            self._failure = error


@dataclass(frozen=True)
class Request:
    """One request of a steady stream.

    Attributes:
        kind: what it did to the document.
        started, ended: seconds of the monotonic clock.
        effect: what its answer said.
        readable: whether its effect was read back through the balancer; None if that was not tried.
    """

    kind: Kind
    id: str
    started: float
    ended: float
    effect: Effect
    readable: bool | None = None

    @property
    def good(self) -> bool:
        """Whether it was acknowledged, and readable if that was tried."""
        return self.effect is Effect.DONE and self.readable is not False


# What is done to one document after another. Deletes are a third of all writes: most bugs that escape are about them.
_LIVES = (
    (Kind.ADD, Kind.DELETE),
    (Kind.ADD, Kind.UPSERT),
    (Kind.UPSERT, Kind.DELETE),
    (Kind.ADD, Kind.UPDATE, Kind.DELETE),
    (Kind.ADD, Kind.DELETE, Kind.ADD),
    (Kind.UPSERT, Kind.UPSERT, Kind.DELETE, Kind.ADD, Kind.DELETE),
)


def lives(prefix: str) -> Iterator[list[tuple[Kind, Document]]]:
    """Yield the lives of documents without end: for each one the writes it goes through.

    Args:
        prefix: begins each id.
    """
    for number in itertools.count(1):
        document = make_documents(prefix, 1, start=number, token="1")[0]
        kinds = _LIVES[number % len(_LIVES)]
        yield [(kind, document if step == 1 else rewritten(document, str(step))) for step, kind in enumerate(kinds, 1)]


class SteadyWriter:
    """Clients that keep adding, changing and deleting documents at a fixed rate, whatever happens.

    The rate is kept while requests hang, as long as clients are free: a client that waits for the answer before it
    asks again would go quiet during the outage, and hide it.

    Args:
        send: does one write and returns what its answer says.
        read: reads one document back through the balancer; None if it is not there. Leave it out to skip that.
        prefix: begins each document's id.
        rate: writes per second.
        clients: how many requests may be under way at the same time.
    """

    def __init__(
        self,
        send: Callable[[Kind, Document], Effect],
        read: Callable[[str], Document | None] | None = None,
        *,
        prefix: str = "steady",
        rate: float = 20.0,
        clients: int = 8,
    ) -> None:
        self._send = send
        self._read = read
        self._rate = rate
        self._end = threading.Event()
        self._ticks = itertools.count()
        self._begin = 0.0
        self._requests: list[Request] = []
        self._failure: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._run, args=(lives(f"{prefix}-{n}"),), daemon=True, name=f"steady-{n}")
            for n in range(clients)
        ]

    def start(self) -> SteadyWriter:
        """Begin to write."""
        self._begin = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def requests(self) -> list[Request]:
        """Return the requests that have ended so far, in the order of their start."""
        return sorted(self._requests, key=lambda request: request.started)

    def stop(self) -> list[Request]:
        """End, wait for the requests under way, and return all in the order of their start."""
        self._end.set()
        for thread in self._threads:
            thread.join()
        if self._failure is not None:
            raise self._failure
        return self.requests()

    def _run(self, documents: Iterator[list[tuple[Kind, Document]]]) -> None:
        try:
            for life in documents:
                expected: Document | None = None
                for kind, document in life:
                    due = self._begin + next(self._ticks) / self._rate
                    if self._end.wait(max(0.0, due - time.monotonic())):
                        return
                    expected = None if kind is Kind.DELETE else document
                    if self._one(kind, document, expected).effect is not Effect.DONE:
                        break  # nobody knows this document's state now, so its client goes on with another one
        except BaseException as error:  # noqa: BLE001 (raised again where the writer is stopped)
            self._failure = error

    def _one(self, kind: Kind, document: Document, expected: Document | None) -> Request:
        started = time.monotonic()
        effect = self._send(kind, document)
        readable: bool | None = None
        if self._read is not None and effect is Effect.DONE:
            try:
                readable = same(expected, self._read(document.id))
            except CouldNotObserve:
                readable = False
        request = Request(kind, document.id, started, time.monotonic(), effect, readable)
        self._requests.append(request)
        return request


@dataclass(frozen=True)
class Failover:
    """What a fault did to a stream of requests. Times are seconds from the moment it took effect.

    Attributes:
        first_good: until the first write, begun after the fault, was acknowledged and readable.
        last_failing: until the start of the last request that failed; 0 if none did.
        before, during, after: how many requests there were: before the fault, until the first good one, and later.
        refused, unknown, unreadable: how many of those from the fault on were refused, indeterminate, or
            acknowledged but not readable.
    """

    first_good: float
    last_failing: float
    before: int
    during: int
    after: int
    refused: int
    unknown: int
    unreadable: int


def failover(requests: Sequence[Request], fault: float) -> Failover:
    """Return what a fault did to a stream of requests.

    Args:
        requests: all of them.
        fault: when it took effect, in seconds of the monotonic clock.

    Raises:
        CouldNotObserve: if there was no good request before it, or none at all after it.
        NotMet: if none after it was good.
    """
    before = [request for request in requests if request.started < fault]
    later = [request for request in requests if request.started >= fault]
    # A request under way when the fault came tells whether that one failed, but not when writes work again.
    hit = [request for request in requests if request.ended >= fault]
    good = [request.ended for request in later if request.good]
    if not any(request.good for request in before):
        raise CouldNotObserve("no write was acknowledged before the fault, so it could not interrupt anything")
    if not good:
        if not later:
            raise CouldNotObserve("no write was tried after the fault")
        raise NotMet(f"none of the {len(later)} writes after the fault was acknowledged and readable")
    first = min(good)
    return Failover(
        first_good=first - fault,
        last_failing=max((max(request.started - fault, 0.0) for request in hit if not request.good), default=0.0),
        before=len(before),
        during=sum(request.started < first for request in later),
        after=sum(request.started >= first for request in later),
        refused=sum(request.effect is Effect.NONE for request in hit),
        unknown=sum(request.effect is Effect.UNKNOWN for request in hit),
        unreadable=sum(request.readable is False for request in hit),
    )


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
    stretches: list[float] = []
    since: float | None = None
    for sample in status:
        if _untrue(sample, probes):
            since = sample.started if since is None else since
        elif since is not None:
            stretches.append(sample.started - since)
            since = None
    if since is not None:
        stretches.append(status[-1].ended - since)
    return stretches


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
