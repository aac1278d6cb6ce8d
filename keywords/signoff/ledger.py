"""What a test has been told by its acknowledgements, and whether what is seen agrees with it.

The ledger follows each document through every write. A write that was acknowledged decides; one that was refused
changes nothing; one whose outcome nobody told leaves both the old and the new state allowed, until a later
acknowledged write of the same document decides again. So what may be there in the end is known exactly, also after
requests were lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from .documents import Document, Embedding, Metadata, differing_fields, same
from .outcomes import Effect
from .verdict import VerdictClass
from .words import count

State = Document | None
"""A document as it may be; None is "not there"."""


class Kind(Enum):
    """The kinds of write, with the word for what an acknowledged one did."""

    ADD = "added"
    UPDATE = "updated"
    UPSERT = "upserted"
    DELETE = "deleted"


@dataclass(frozen=True)
class Change:
    """What one write asks for, for one document. A field that is None is left as it is.

    Attributes:
        id: the document's id.
        text, metadata, embedding, uri: the new values; not used for a delete. Metadata is merged into what is there,
            and a value of None in it removes one.
    """

    kind: Kind
    id: str
    text: str | None = None
    metadata: Metadata | None = None
    embedding: Embedding | None = field(default=None, repr=False)
    uri: str | None = None

    @classmethod
    def of(cls, kind: Kind, document: Document) -> Change:
        """Return the change that writes the whole document."""
        return cls(kind, document.id, document.text, document.metadata, document.embedding or None, document.uri)


def after(change: Change, state: State) -> State:
    """Return what Chroma makes of a document.

    Args:
        change: the write.
        state: the document before it.

    ``add`` leaves an existing document as it is, ``update`` leaves a missing one missing, and ``upsert`` keeps what
    it doesn't give.
    """
    match change.kind:
        case Kind.DELETE:
            return None
        case Kind.ADD if state is not None:
            return state
        case Kind.UPDATE if state is None:
            return None
    if state is None:
        return Document(change.id, change.text, change.metadata, change.embedding or (), change.uri)
    metadata = state.metadata
    if change.metadata is not None:
        merged = {**(state.metadata or {}), **change.metadata}
        metadata = {key: value for key, value in merged.items() if value is not None}
    return Document(
        change.id,
        state.text if change.text is None else change.text,
        metadata,
        change.embedding if change.embedding is not None else state.embedding,
        state.uri if change.uri is None else change.uri,
    )


@dataclass
class Register:
    """What may be there of one document.

    Attributes:
        allowed: every state that may be seen.
        past: earlier states that a later acknowledged write has ended.
        doubtful: states that only a write of unknown outcome can have made.
        told: what the last acknowledged write did, and when, in words; empty before the first one.
        unsure: how many writes since then have an unknown outcome.
    """

    allowed: list[State] = field(default_factory=lambda: [None])
    past: list[State] = field(default_factory=list)
    doubtful: list[State] = field(default_factory=list)
    told: str = ""
    unsure: int = 0

    def note(self, change: Change, effect: Effect, at: datetime) -> None:
        """Take a write's outcome into account."""
        if effect is Effect.NONE:
            return
        results = _distinct(after(change, state) for state in self.allowed)
        if effect is Effect.DONE:
            self.past += [state for state in self.allowed if not _among(state, results)]
            self.allowed = results
            if len(results) == 1:  # whoever made it first, it is certain now
                self.doubtful = [state for state in self.doubtful if not same(state, results[0])]
            self.told = _told(change.kind, at)
            self.unsure = 0
        else:
            new = [state for state in results if not _among(state, self.allowed)]
            self.allowed += new
            self.doubtful += [state for state in new if not _among(state, self.past)]
            self.unsure += 1


@dataclass(frozen=True)
class Batch:
    """A request that added several documents, and was acknowledged.

    Attributes:
        told: what it did, and when, in words.
    """

    ids: tuple[str, ...]
    told: str


class Ledger:
    """One collection's documents, by what was told. May be written by several threads at once.

    Args:
        clock: gives the wall time of an acknowledgement.
    """

    def __init__(self, clock: Callable[[], datetime] = datetime.now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._registers: dict[str, Register] = {}
        self._batches: list[Batch] = []
        self.acknowledged = 0
        self.unknown = 0

    def note(self, changes: Iterable[Change], effect: Effect) -> None:
        """Take a write's outcome into account, for each document it names, in its order.

        Args:
            changes: what the write asked for.
            effect: what its answer said.
        """
        at = self._clock()
        changes = list(changes)
        with self._lock:
            if any(change.kind is not Kind.ADD for change in changes):
                self._batches.clear()
            elif effect is Effect.DONE and len(changes) > 1:
                self._batches.append(Batch(tuple(change.id for change in changes), _told(Kind.ADD, at)))
            self.acknowledged += effect is Effect.DONE
            self.unknown += effect is Effect.UNKNOWN
            for change in changes:
                self._registers.setdefault(change.id, Register()).note(change, effect, at)

    def clear(self) -> None:
        """Forget every document: the collection was deleted."""
        with self._lock:
            self._registers.clear()
            self._batches.clear()

    def batches(self) -> list[Batch]:
        """Return the requests that added several documents each, since anything else than adding was asked for.

        Only of these is it known that a missing document was not removed by a later request.
        """
        with self._lock:
            return list(self._batches)

    def registers(self) -> dict[str, Register]:
        """Return the registers as they are now, by document id."""
        with self._lock:
            return {
                id: replace(
                    register,
                    allowed=list(register.allowed),
                    past=list(register.past),
                    doubtful=list(register.doubtful),
                )
                for id, register in self._registers.items()
            }

    def documents(self) -> dict[str, Document]:
        """Return the documents that are certainly there, by id: those whose only allowed state is a document."""
        return {
            id: register.allowed[0]
            for id, register in self.registers().items()
            if len(register.allowed) == 1 and register.allowed[0] is not None
        }


def arrived_in_part(batches: Iterable[Batch], instances: Sequence[Mapping[str, Document]]) -> dict[str, str]:
    """Return the documents that are missing because their request took effect in part, each with that in words.

    Args:
        batches: requests that were acknowledged.
        instances: what each instance holds, by id. What is missing on one of them only was lost on its way there.
    """
    found: dict[str, str] = {}
    for batch in batches:
        missing = [id for id in batch.ids if not any(id in documents for documents in instances)]
        if 0 < len(missing) < len(batch.ids):
            there = (
                f"{len(batch.ids) - len(missing):,} of the {count(len(batch.ids), 'document')} of its request are there"
            )
            said = f"document {missing[0]} was {batch.told} and is missing on each instance, and {there}"
            found |= dict.fromkeys(missing, VerdictClass.PARTIAL.says(said))
    return found


def judge(registers: Mapping[str, Register], seen: Mapping[str, Document], where: str = "") -> list[str]:
    """Return what is seen that may not be, or isn't seen and has to be, with its class; nothing if all is well.

    Args:
        registers: what may be there, by document id.
        seen: what is there, by id.
        where: the place, for the words: "on the replica".
    """
    place = f" {where}" if where else ""
    found = [
        VerdictClass.PHANTOM.says(f"document {id} is present{place}, and nobody wrote it")
        for id in sorted(seen.keys() - registers.keys())
    ]
    for id in sorted(registers):
        finding = _judge_one(id, registers[id], seen.get(id), place)
        if finding:
            found.append(finding)
    return found


def _judge_one(id: str, register: Register, seen: State, place: str) -> str:
    if _among(seen, register.allowed):
        return ""
    known = f"document {id} {f'was {register.told}' if register.told else 'was never acknowledged'}"
    if seen is None:
        return VerdictClass.LOST.says(f"{known} and is missing{place}")
    if _among(seen, register.doubtful):
        return VerdictClass.LATE_REPLAY.says(f"{known} and is{place} as an earlier write left it that had failed")
    expected = [state for state in register.allowed if state is not None]
    if not expected:
        # What was never there is not there again: it was refused, or an update has made it.
        again = any(state is not None for state in register.past)
        return (VerdictClass.RESURRECTED if again else VerdictClass.PHANTOM).says(f"{known} and is present{place}")
    if _among(seen, register.past):
        return VerdictClass.ROLLED_BACK.says(f"{known} and has an earlier content{place}")
    differing = ", ".join(differing_fields(expected[-1], seen))
    return VerdictClass.MANGLED.says(f"{known} and differs{place}: {differing}")


def _told(kind: Kind, at: datetime) -> str:
    return f"{kind.value} (acknowledged {at:%H:%M:%S}.{at.microsecond // 1000:03})"


def _among(state: State, states: Sequence[State]) -> bool:
    return any(same(state, other) for other in states)


def _distinct(states: Iterable[State]) -> list[State]:
    found: list[State] = []
    for state in states:
        if not _among(state, found):
            found.append(state)
    return found
