"""What a test has been told by its acknowledgements, and whether what is seen agrees with it.

The ledger follows each document through every write. A write that was acknowledged decides; one that was refused
changes nothing; one whose outcome nobody told leaves both the old and the new state allowed, until a later
acknowledged write of the same document decides again. So what may be there in the end is known exactly, also after
requests were lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from .documents import Document, Embedding, Metadata, differing_fields, same
from .outcomes import Effect

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
        text, metadata, embedding: the new values; not used for a delete. Metadata is merged into what is there.
    """

    kind: Kind
    id: str
    text: str | None = None
    metadata: Metadata | None = None
    embedding: Embedding | None = field(default=None, repr=False)

    @classmethod
    def of(cls, kind: Kind, document: Document) -> Change:
        """Return the change that writes the whole document."""
        return cls(kind, document.id, document.text, document.metadata, document.embedding)


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
        return Document(change.id, change.text, change.metadata, change.embedding or ())
    metadata = state.metadata if change.metadata is None else {**(state.metadata or {}), **change.metadata}
    return Document(
        change.id,
        state.text if change.text is None else change.text,
        metadata,
        change.embedding if change.embedding is not None else state.embedding,
    )


@dataclass
class Register:
    """What may be there of one document.

    Attributes:
        allowed: every state that may be seen.
        past: earlier states that a later acknowledged write has ended.
        told: what the last acknowledged write did, and when, in words; empty before the first one.
        unsure: how many writes since then have an unknown outcome.
    """

    allowed: list[State] = field(default_factory=lambda: [None])
    past: list[State] = field(default_factory=list)
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
            self.told = f"{change.kind.value} (acknowledged {at:%H:%M:%S}.{at.microsecond // 1000:03})"
            self.unsure = 0
        else:
            self.allowed = _distinct([*self.allowed, *results])
            self.unsure += 1


class Ledger:
    """One collection's documents, by what was told. May be written by several threads at once.

    Args:
        clock: gives the wall time of an acknowledgement.
    """

    def __init__(self, clock: Callable[[], datetime] = datetime.now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._registers: dict[str, Register] = {}
        self.acknowledged = 0
        self.unknown = 0

    def note(self, changes: Iterable[Change], effect: Effect) -> None:
        """Take a write's outcome into account, for each document it names, in its order.

        Args:
            changes: what the write asked for.
            effect: what its answer said.
        """
        at = self._clock()
        with self._lock:
            self.acknowledged += effect is Effect.DONE
            self.unknown += effect is Effect.UNKNOWN
            for change in changes:
                self._registers.setdefault(change.id, Register()).note(change, effect, at)

    def clear(self) -> None:
        """Forget every document: the collection was deleted."""
        with self._lock:
            self._registers.clear()

    def registers(self) -> dict[str, Register]:
        """Return the registers as they are now, by document id."""
        with self._lock:
            return {
                id: Register(list(register.allowed), list(register.past), register.told, register.unsure)
                for id, register in self._registers.items()
            }

    def documents(self) -> dict[str, Document]:
        """Return the documents that are certainly there, by id: those whose only allowed state is a document."""
        return {
            id: register.allowed[0]
            for id, register in self.registers().items()
            if len(register.allowed) == 1 and register.allowed[0] is not None
        }


def judge(registers: Mapping[str, Register], seen: Mapping[str, Document], where: str = "") -> list[str]:
    """Return in plain words what is seen that may not be, or isn't seen and has to be; nothing if all is well.

    Args:
        registers: what may be there, by document id.
        seen: what is there, by id.
        where: the place, for the words: "on the replica".
    """
    place = f" {where}" if where else ""
    found = [f"document {id} is present{place}, and nobody wrote it" for id in sorted(seen.keys() - registers.keys())]
    for id in sorted(registers):
        finding = _judge_one(id, registers[id], seen.get(id), place)
        if finding:
            found.append(finding)
    return found


def _judge_one(id: str, register: Register, seen: State, place: str) -> str:
    if _among(seen, register.allowed):
        return ""
    told = f"was {register.told}" if register.told else "was never acknowledged"
    if seen is None:
        return f"document {id} {told} and is missing{place}"
    expected = [state for state in register.allowed if state is not None]
    if not expected:
        return f"document {id} {told} and is present{place}"
    if _among(seen, register.past):
        return f"document {id} {told} and has an earlier content{place}"
    return f"document {id} {told} and differs{place}: {', '.join(differing_fields(expected[-1], seen))}"


def _among(state: State, states: Sequence[State]) -> bool:
    return any(same(state, other) for other in states)


def _distinct(states: Iterable[State]) -> list[State]:
    found: list[State] = []
    for state in states:
        if not _among(state, found):
            found.append(state)
    return found
