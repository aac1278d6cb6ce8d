"""Reads while instances come and go: none may show what an acknowledged write had replaced before it began."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ..documents import Document, make_documents, rewritten
from ..faults.outages import Outage
from ..faults.processes import undo_everything
from ..ledger import Kind
from ..outcomes import Effect
from ..testbed import ROLES, Testbed
from ..traffic import Sample, Sampler
from ..verdict import CouldNotObserve, NotMet
from ..words import count
from .contents import create, hold_exactly
from .health import healthy_again, require_steady

_DOCUMENTS = 8
_READERS = 4
_WRITE_EVERY = 0.1
_READ_EVERY = 0.01
_AWAY = 1.5
"""Seconds that an instance stays away, so that it has something to catch up with."""


@dataclass(frozen=True)
class Read:
    """One read.

    Attributes:
        started: seconds of the monotonic clock.
        seen: the version that it showed; 0 if the document was not there, None if it failed.
        floor: the last version that had been acknowledged before it began.
    """

    id: str
    started: float
    seen: int | None
    floor: int


@dataclass(frozen=True)
class Flapping:
    """What the reads saw.

    Attributes:
        reads, failed: how many there were, and how many had no answer.
        catching_up: how many of them began while a returned instance still owed writes.
        returns: how often an instance came back.
        writes: how many writes were acknowledged.
        stale: the reads that showed what had been replaced.
    """

    reads: int
    failed: int
    catching_up: int
    returns: int
    writes: int
    stale: Sequence[Read]


class _Traffic:
    """Writers that give each document one version after another, and readers that look at any of them."""

    def __init__(self, bed: Testbed, name: str) -> None:
        self._bed, self._name = bed, name
        documents = make_documents("flapping", _DOCUMENTS, token="0")
        self._acknowledged = {document.id: 0 for document in documents}
        self._chance = random.Random(0)
        self._end = threading.Event()
        self._failure: BaseException | None = None
        self.reads: list[Read] = []
        self._threads = [threading.Thread(target=self._write, args=(document,), daemon=True) for document in documents]
        self._threads += [threading.Thread(target=self._read, daemon=True) for _ in range(_READERS)]

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

    def _write(self, document: Document) -> None:
        version = 0
        try:
            while not self._end.wait(_WRITE_EVERY):
                version += 1
                content = rewritten(document, str(version))
                answered = self._bed.write(self._bed.session("flapping"), Kind.UPSERT, self._name, [content])
                if answered.effect is Effect.DONE:
                    self._acknowledged[document.id] = version
        except BaseException as error:  # noqa: BLE001 (raised again where the traffic is stopped)
            self._failure = error

    def _read(self) -> None:
        reference = self._bed.tracked(self._name).id
        try:
            while not self._end.wait(_READ_EVERY):
                id = self._chance.choice(list(self._acknowledged))
                floor, started = self._acknowledged[id], time.monotonic()
                seen: int | None = None
                try:
                    found = self._bed.through_balancer.documents_by_reference(reference, ids=[id]).get(id)
                    seen = version_of(found)
                except CouldNotObserve:
                    seen = None  # it concerns availability, which others judge
                self.reads.append(Read(id, started, seen, floor))
        except BaseException as error:  # noqa: BLE001 (raised again where the traffic is stopped)
            self._failure = error


def version_of(document: Document | None) -> int:
    """Return which version a document shows; 0 if it is not there."""
    return 0 if document is None else int(str((document.metadata or {})["token"]))


def stale(reads: Sequence[Read]) -> list[Read]:
    """Return the reads that showed what an acknowledged write had replaced before they began."""
    return [read for read in reads if read.seen is not None and read.seen < read.floor]


def flap(bed: Testbed, roles: Sequence[str], outage: Outage) -> Flapping:
    """Let one instance after another go and come back while clients write and read the same documents.

    Args:
        roles: which instance each time.
        outage: how it goes and comes back.

    Raises:
        NotMet: if an instance does not come back in time, or the documents are not exact at the end.
        CouldNotObserve: if a fault can't be proved, or no read began while a returned instance was catching up.
    """
    bed.require_faults()
    limits = bed.environment.limits
    name = bed.fresh_name("flapping")
    create(bed, name, None)
    require_steady(bed, limits.recovery_max)
    owed: Sampler[dict[str, int]] = Sampler(lambda: _pending(bed), timedelta(milliseconds=10)).start()
    windows: list[tuple[float, str]] = []
    traffic = _Traffic(bed, name).start()
    try:
        for role in roles:
            outage.begin(bed, role)
            time.sleep(_AWAY)  # not a wait for anything: the instance shall miss that much
            windows.append((time.monotonic(), role))
            outage.end(bed, role)
            healthy_again(bed, role, limits.recovery_max)
    finally:
        try:
            traffic.stop()
            samples = owed.stop()
        finally:
            undo_everything(bed)
    spans = [_catching_up(samples, begin, role) for begin, role in windows]
    within = sum(any(begin <= read.started <= end for begin, end in spans) for read in traffic.reads)
    if not within:
        raise CouldNotObserve("no read began while a returned instance still owed writes, so none could be stale")
    hold_exactly(bed, [name], ROLES, limits.sync_lag_max)
    failed = sum(read.seen is None for read in traffic.reads)
    return Flapping(len(traffic.reads), failed, within, len(roles), traffic.writes, stale(traffic.reads))


def judge(seen: Flapping) -> None:
    """Raise NotMet if a read was stale."""
    if seen.stale:
        first = seen.stale[0]
        raise NotMet(
            f"{len(seen.stale)} of {count(seen.reads, 'read')} were stale; the first one, of {first.id}, showed "
            f"version {first.seen} after version {first.floor} was acknowledged"
        )


def _pending(bed: Testbed) -> dict[str, int]:
    return {role: instance.pending_writes for role, instance in bed.balancer.status().instances.items()}


def _catching_up(samples: Sequence[Sample[dict[str, int]]], begin: float, role: str) -> tuple[float, float]:
    """Return from when until when a returned instance owed writes; an empty stretch if it owed none."""
    end = begin
    for sample in samples:
        if sample.started < begin or sample.value is None:
            continue
        if not sample.value[role]:
            break
        end = sample.started
    return begin, end
