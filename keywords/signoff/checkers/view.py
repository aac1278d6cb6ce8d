"""A history, indexed once for all checkers: its registers, what the log says of each operation, and what was seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import inf

from ..data_types import Role
from ..documents import Document, differing_fields, near
from ..history import Action, FinalRead, History, LogRow, Operation, Result
from .registers import Reached, Register, Step, Value, last, reach

UNMARKED = "(no token)"
"""The value of a name whose collection has lost its token; no token has a space."""

LOGGED_DONE = ("COMPLETED", "RECOVERED")
LOGGED_NOT_DONE = ("FAILED", "ABANDONED")


@dataclass(frozen=True, slots=True)
class Recognized:
    """Which write a document comes from.

    Attributes:
        operation: None if it is nobody's.
        here: the operation wrote to this place.
        wrong: how the content differs from what the operation wrote, in words.
    """

    operation: Operation | None
    here: bool = False
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mutation:
    """An operation that may have changed a register.

    Attributes:
        certain: it took effect.
        until: seconds of the monotonic clock by which it had; infinite if that is unknown.
    """

    operation: Operation
    certain: bool
    until: float


class View:
    """A history with its indexes.

    Args:
        history: a sound one; see ``soundness``.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.limits = history.header.limits
        self.mutating = [operation for operation in history.operations if operation.action.mutates]
        self.by_id = {operation.id: operation for operation in self.mutating}
        self.by_token = {operation.token: operation for operation in self.mutating}

    @cached_property
    def rows(self) -> Mapping[str, list[LogRow]]:
        """The log's rows of this run, by operation. Rows that are older than their operation are not its own."""
        invoked = {operation.id: operation.invoked_at for operation in self.mutating}
        slack = timedelta(seconds=self.limits.skew)
        rows: defaultdict[str, list[LogRow]] = defaultdict(list)
        for row in self.history.log_rows:
            if row.operation in invoked and row.created_at >= invoked[row.operation] - slack:
                rows[row.operation].append(row)
        return rows

    @cached_property
    def registers(self) -> Mapping[Register, list[Operation]]:
        """The mutations of each register that may have had an effect, in the order of their invocation.

        Refused ones have none; a register that knows only refused ones is there, and empty.
        """
        registers: defaultdict[Register, list[Operation]] = defaultdict(list)
        for operation in sorted(self.mutating, key=lambda one: one.invoked):
            for register in touched(operation):
                own = registers[register]
                if operation.result is not Result.FAIL:
                    own.append(operation)
        return dict(registers)

    @cached_property
    def names(self) -> list[str]:
        """The collections of the run."""
        return sorted({operation.collection for operation in self.history.operations})

    @cached_property
    def finals(self) -> Mapping[tuple[str, Role], FinalRead]:
        """What each instance held at the end, by collection; only what could be read. The last read counts."""
        return {(read.collection, read.instance): read for read in self.history.finals if not read.failure}

    @cached_property
    def documents(self) -> Mapping[tuple[str, Role], Mapping[str, Recognized]]:
        """The documents that each instance held at the end with the writes they come from."""
        return {
            (name, role): {document.id: self.recognize(document, name, incarnation) for document in read.documents}
            for (name, role), read in self.finals.items()
            if (incarnation := self.incarnation(read)) is not None
        }

    def incarnation(self, read: FinalRead) -> int | None:
        """Return which of the collections of its name was read; None if none, or one that nobody of us made."""
        made = self.by_token.get(read.token or "") if read.found else None
        fits = made is not None and made.action is Action.CREATE and made.collection == read.collection
        return made.incarnation if made is not None and fits else None

    def seen(self, register: Register, role: Role) -> tuple[Value] | None:
        """Return the value of a register at the end, in a tuple; None if nothing can be said of it.

        Documents of a collection that is not there, or was made anew, are not there for that reason alone.
        """
        read = self.finals.get((register.collection, role))
        if read is None:
            return None
        if not register.document:
            return (read.token or UNMARKED if read.found else None,)
        if self.incarnation(read) != register.incarnation:
            return None
        document = self.documents[register.collection, role].get(register.document)
        if document is None:
            return (None,)
        if document.operation is None or not document.here:
            return None
        return (document.operation.token,)

    def recognize(self, document: Document, collection: str, incarnation: int) -> Recognized:
        """Return which write a document comes from, by its token.

        Args:
            document: as it was seen.
            collection, incarnation: where it was seen.
        """
        place = Register(collection, incarnation, document.id)
        named, _, token = (document.text or "").rpartition(" ")
        in_metadata = (document.metadata or {}).get("token")
        own = self.registers.get(place, [])
        operation = self.by_token.get(token) or self.by_token.get(str(in_metadata))
        if operation is None or operation.action.of_collection:
            # Neither text nor metadata tell, but the embedding is derived from the text, and may.
            made = (one for one in own if near(one.written(document.id).embedding, document.embedding))
            operation = next(made, None)
        if operation is None:
            return Recognized(None)
        elsewhere = named.removeprefix("Document ") != document.id and self.by_token.get(token) is not None
        if elsewhere or place not in touched(operation):
            return Recognized(operation)
        expected = operation.written(document.id)
        return Recognized(operation, True, tuple(differing_fields(self._merged(expected, document, own), document)))

    @staticmethod
    def _merged(expected: Document, seen: Document, own: Sequence[Operation]) -> Document:
        # Updates and upserts merge metadata: what another write to this document gave may still be there.
        metadata = dict(expected.metadata or {})
        for key, value in (seen.metadata or {}).items():
            if key not in metadata and any(
                type(value) is type(one.metadata.get(key)) and value == one.metadata[key] for one in own
            ):
                metadata[key] = value
        return Document(expected.id, expected.text, metadata, expected.embedding)

    @cached_property
    def used(self) -> Mapping[tuple[str, int], float]:
        """When each collection was first known to be there because an operation on its documents was acknowledged."""
        used: dict[tuple[str, int], float] = {}
        for operation in self.history.operations:
            if operation.result is Result.OK and not operation.gone and not operation.action.of_collection:
                key = (operation.collection, operation.incarnation)
                used[key] = min(used.get(key, inf), operation.returned)
        return used

    def resolved(self, operation: Operation) -> Mutation | None:
        """Return what is known of a mutation, the log included; None if it had no effect."""
        if operation.result is Result.FAIL:
            return None
        if operation.result is Result.OK:
            return Mutation(operation, True, operation.returned)
        by_use = inf
        if operation.action is Action.CREATE:
            by_use = self.used.get((operation.collection, operation.incarnation), inf)
        rows = self.rows.get(operation.id, [])
        statuses = {row.status for row in rows}
        if len(rows) == 1 and statuses <= set(LOGGED_NOT_DONE) and by_use == inf:
            return None
        if len(rows) == 1 and statuses <= set(LOGGED_DONE):
            return Mutation(operation, True, min(by_use, self._our_clock(rows[0].ended_at)))
        return Mutation(operation, by_use < inf, by_use)

    def _our_clock(self, moment: datetime | None) -> float:
        return inf if moment is None else self.history.header.on_our_clock(moment) + self.limits.skew

    def mutations(self, register: Register, supposed: tuple[str, bool] | None = None) -> list[Mutation]:
        """Return the mutations of a register that count.

        Args:
            supposed: an operation's id, and whether it is supposed to have had its effect, whatever is known.
        """
        found = []
        own = self.registers.get(register, [])
        if supposed is not None and supposed[1] and self.by_id[supposed[0]].result is Result.FAIL:
            own = [*own, self.by_id[supposed[0]]]
        for operation in own:
            mutation = self.resolved(operation)
            if supposed is not None and operation.id == supposed[0]:
                until = mutation.until if mutation is not None else inf
                mutation = Mutation(operation, True, until) if supposed[1] else None
            if mutation is not None:
                found.append(mutation)
        return found

    def reached(self, register: Register) -> tuple[list[Mutation], Reached]:
        """Return the mutations of a register and the values that are possible after each set of them."""
        mutations = self.mutations(register)
        return mutations, reach(steps(mutations))

    def allowed(
        self, register: Register, *, supposed: tuple[str, bool] | None = None, late: bool = False
    ) -> frozenset[Value]:
        """Return the values a register may have at the end.

        Args:
            supposed: as for :meth:`mutations`.
            late: also those that come about if a write takes effect after its client has moved on.
        """
        return last(steps(self.mutations(register, supposed), late=late))

    def told(self, register: Register) -> Mutation | None:
        """Return the last mutation of a register that was acknowledged, or else that is certain all the same."""
        certain = [one for one in self.mutations(register) if one.certain and one.until < inf]
        return max(certain, key=lambda one: (one.operation.result is Result.OK, one.until), default=None)


def touched(operation: Operation) -> list[Register]:
    """Return the registers that a mutation is about."""
    if operation.action.of_collection:
        return [Register(operation.collection, 0, "")]
    return [Register(operation.collection, operation.incarnation, id) for id in operation.documents]


def steps(mutations: Sequence[Mutation], *, late: bool = False) -> list[Step]:
    """Return the mutations with what is known of their order.

    One comes before another if it was over before the other was invoked, and also if their client saw it fail, moved
    on, and had the other one acknowledged.

    Args:
        late: leave the second rule out.
    """
    found = []
    for later in mutations:
        before = 0
        for index, earlier in enumerate(mutations):
            if earlier is later:
                continue
            moved_on = (
                not late
                and earlier.operation.result is Result.INDETERMINATE
                and later.operation.result is Result.OK
                and earlier.operation.client == later.operation.client
                and earlier.operation.returned <= later.operation.invoked
            )
            if moved_on or earlier.until < later.operation.invoked:
                before |= 1 << index
        found.append(Step(later.operation.action, later.operation.token, later.certain, before))
    return found
