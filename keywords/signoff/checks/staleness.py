"""Reads while instances come and go: none may show what an acknowledged write had replaced before it began."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ..documents import Document, embed, make_documents, rewritten
from ..faults.outages import Outage
from ..faults.processes import undo_everything
from ..ledger import Kind
from ..outcomes import Effect
from ..testbed import ROLES, Testbed
from ..traffic import Sample, Sampler
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count, listing
from .contents import create, hold_exactly
from .health import healthy_again, require_steady

_DOCUMENTS = 8
_READERS = 4
_QUERIERS = 2
_WRITE_EVERY = 0.1
_READ_EVERY = 0.01
_QUERY_EVERY = 0.02
_AWAY = 1.5
"""Seconds that an instance stays away, so that it has something to catch up with."""


@dataclass(frozen=True)
class Read:
    """What one read, or one query, showed of a document.

    Attributes:
        started: seconds of the monotonic clock.
        seen: the version that it showed; 0 if the document was not there, None if it failed.
        floor: the last version that had been acknowledged before it began.
        query: whether a query showed it.
    """

    id: str
    started: float
    seen: int | None
    floor: int
    query: bool = False


@dataclass(frozen=True)
class Window:
    """When a returned instance still owed writes: from its proved return until it was last seen to owe any."""

    role: str
    begin: float
    end: float

    def has(self, read: Read) -> bool:
        """Whether a read that was answered began in it."""
        return read.seen is not None and self.begin <= read.started <= self.end


@dataclass(frozen=True)
class Flapping:
    """What the reads saw.

    Attributes:
        reads: every read, and every document that a query showed.
        writes: how many writes were acknowledged.
        windows: for each return, when the instance still owed writes.
        seed: gives the same choices again.
    """

    reads: Sequence[Read]
    writes: int
    windows: Sequence[Window]
    seed: int

    @property
    def failed(self) -> int:
        """How many had no answer."""
        return sum(read.seen is None for read in self.reads)

    @property
    def catching_up(self) -> list[int]:
        """How many were answered and began while the returned instance still owed writes, for each return."""
        return [sum(window.has(read) for read in self.reads) for window in self.windows]

    @property
    def queried(self) -> int:
        """How many documents queries showed."""
        return sum(read.query and read.seen is not None for read in self.reads)

    @property
    def queried_catching_up(self) -> int:
        """How many of them while a returned instance still owed writes."""
        return sum(read.query and any(window.has(read) for window in self.windows) for read in self.reads)


class _Traffic:
    """Writers that give each document one version after another, and readers that read and query any of them.

    Args:
        name: of the collection.
        seed: gives the same choices again.
    """

    def __init__(self, bed: Testbed, name: str, seed: int) -> None:
        self._bed, self._name = bed, name
        documents = make_documents("flapping", _DOCUMENTS, token="0")
        self._acknowledged = {document.id: 0 for document in documents}
        self._end = threading.Event()
        self._failure: BaseException | None = None
        self.reads: list[Read] = []
        jobs: list[Callable[[random.Random], None]] = [partial(self._write, document) for document in documents]
        jobs += [self._read] * _READERS + [self._query] * _QUERIERS
        chances = [random.Random(f"{seed}/{number}") for number in range(len(jobs))]
        self._threads = [
            threading.Thread(target=self._guarded, args=(job, chance), daemon=True)
            for job, chance in zip(jobs, chances, strict=True)
        ]

    @property
    def writes(self) -> int:
        """How many versions were acknowledged, or replaced by one that was."""
        return sum(self._acknowledged.values())

    def start(self) -> _Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def _guarded(self, job: Callable[[random.Random], None], chance: random.Random) -> None:
        try:
            job(chance)
        except BaseException as error:  # noqa: BLE001 (raised again where the traffic is stopped)
            self._failure = error

    def _write(self, document: Document, chance: random.Random) -> None:
        version = 0
        while not self._end.wait(chance.uniform(0.5, 1.5) * _WRITE_EVERY):
            version += 1
            content = rewritten(document, str(version))
            answered = self._bed.write(self._bed.session("flapping"), Kind.UPSERT, self._name, [content])
            if answered.effect is Effect.DONE:
                self._acknowledged[document.id] = version

    def _read(self, chance: random.Random) -> None:
        reference = self._bed.tracked(self._name).id
        while not self._end.wait(_READ_EVERY):
            id = chance.choice(list(self._acknowledged))
            floor, started = self._acknowledged[id], time.monotonic()
            seen: int | None = None
            try:
                found = self._bed.through_balancer.documents_by_reference(reference, ids=[id]).get(id)
                seen = version_of(found)
            except CouldNotObserve:
                seen = None  # it concerns availability, which others judge
            self.reads.append(Read(id, started, seen, floor))

    def _query(self, chance: random.Random) -> None:
        reference = self._bed.tracked(self._name).id
        while not self._end.wait(_QUERY_EVERY):
            floors, started = dict(self._acknowledged), time.monotonic()
            question = embed(f"Document {chance.choice(list(floors))}")
            try:
                found = self._bed.through_balancer.nearest_documents(reference, list(question), len(floors))
            except CouldNotObserve:
                self.reads.append(Read("", started, None, 0, query=True))  # availability again
                continue
            # An index may lose the way to a document, so only what a query shows is judged, not what it leaves out.
            self.reads += [Read(id, started, version_of(one), floors[id], query=True) for id, one in found.items()]


def version_of(document: Document | None) -> int:
    """Return which version a document shows; 0 if it is not there."""
    return 0 if document is None else int(str((document.metadata or {})["token"]))


def stale(reads: Sequence[Read]) -> list[Read]:
    """Return the reads that showed what an acknowledged write had replaced before they began."""
    return [read for read in reads if read.seen is not None and read.seen < read.floor]


def flap(bed: Testbed, roles: Sequence[str], outage: Outage, seed: int | None = None) -> Flapping:
    """Let one instance after another go and come back while clients write, read and query the same documents.

    Args:
        roles: which instance each time.
        outage: how it goes and comes back.
        seed: of the clients' choices; a new one by default.

    Raises:
        NotMet: if an instance does not come back in time, or the documents are not exact at the end.
        CouldNotObserve: if a fault can't be proved.
    """
    bed.require_faults()
    limits = bed.environment.limits
    name = bed.fresh_name("flapping")
    create(bed, name, None)
    require_steady(bed, limits.recovery_max)
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    owed: Sampler[dict[str, int]] = Sampler(lambda: _pending(bed), timedelta(milliseconds=10)).start()
    returned: list[tuple[str, float]] = []
    traffic = _Traffic(bed, name, seed).start()
    try:
        for role in roles:
            outage.begin(bed, role)
            time.sleep(_AWAY)  # not a wait for anything: the instance shall miss that much
            outage.end(bed, role)
            returned.append((role, bed.faults.restored_at(role)))
            healthy_again(bed, role, limits.recovery_max)
    finally:
        try:
            traffic.stop()
            samples = owed.stop()
        finally:
            undo_everything(bed)
    hold_exactly(bed, [name], ROLES, limits.sync_lag_max)
    windows = [catching_up(samples, begin, role) for role, begin in returned]
    return Flapping(traffic.reads, traffic.writes, windows, seed)


def judge(seen: Flapping) -> None:
    """Judge what the reads and queries saw.

    Raises:
        NotMet: if one was stale.
        CouldNotObserve: if after one of the returns none began while the instance still owed writes, or no query did
            after any: then none could have been stale there.
    """
    old = stale(seen.reads)
    if old:
        first = old[0]
        how = "a query" if first.query else "a read"
        showed = f"showed version {first.seen} after version {first.floor} was acknowledged"
        number = f"{len(old)} of {count(len(seen.reads), 'read')} were stale"
        raise NotMet(VerdictClass.STALE.says(f"{number}; the first one, {how} of {first.id}, {showed}"))
    each = seen.catching_up
    if not each or not all(each):
        numbers = listing([str(number) for number in each], 10) or "none"
        raise CouldNotObserve(
            "after a return no read began while the instance still owed writes, so none could be stale there; "
            f"so many did after each: {numbers}"
        )
    if not seen.queried_catching_up:
        raise CouldNotObserve("no query was answered while a returned instance still owed writes")


def _pending(bed: Testbed) -> dict[str, int]:
    return {role: instance.pending_writes for role, instance in bed.balancer.status().instances.items()}


def catching_up(samples: Sequence[Sample[dict[str, int]]], begin: float, role: str) -> Window:
    """Return when a returned instance owed writes.

    Args:
        samples: how many writes each instance was shown to owe.
        begin: when its return was proved: while it is away it serves nothing, so nothing of it can be stale.

    An instance that was not shown to owe any after its return has an empty window.
    """
    end = float("-inf")
    for sample in samples:
        if sample.started < begin or sample.value is None:
            continue
        if not sample.value[role]:
            break
        end = sample.started
    return Window(role, begin, end)
