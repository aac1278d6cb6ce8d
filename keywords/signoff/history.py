"""The history of a run: everything that was done and seen, as JSON Lines that can be judged again later.

The first line is the header, the last one the end with the number of lines. Between them is one line for each thing
that happened, in the order in which it became known. A line is written whole and at once, so a run that dies leaves a
file whose last line may be cut, and that has no end. Such a file is named and never judged.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from .data_types import Role
from .documents import Document, Metadata, rewritten
from .ledger import Kind
from .verdict import CouldNotObserve
from .words import count, shortened

VERSION = 1
_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class BadHistory(CouldNotObserve):
    """A file is no whole history of this version; the sentence names the line."""


class Action(Enum):
    """What an operation asked for. CREATE and DROP are about a collection, the others about documents."""

    CREATE = "create"
    DROP = "drop"
    ADD = "add"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"
    GET = "get"
    QUERY = "query"

    @property
    def mutates(self) -> bool:
        """Whether it changes something."""
        return self not in (Action.GET, Action.QUERY)

    @property
    def of_collection(self) -> bool:
        """Whether it is about a collection, not about documents."""
        return self in (Action.CREATE, Action.DROP)

    @property
    def done(self) -> str:
        """The word for what it did: "added", "deleted"."""
        own = {Action.CREATE: "created", Action.DROP: "deleted", Action.GET: "read", Action.QUERY: "queried"}
        return own[self] if self in own else Kind[self.name].value


class Result(Enum):
    """What the client knows of an operation."""

    OK = "ok"
    FAIL = "fail"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen on the wire.

    Attributes:
        status: of the answer; None if there was none.
        why: what happened instead of an answer, or the beginning of one that says an error.
        sent: False if not one byte of the request can have arrived.
        effect: the answer's X-Effect.
        violation: how the answer breaks the protocol, in words; empty if it doesn't.
    """

    __pydantic_config__ = _STRICT
    status: int | None
    why: str = ""
    sent: bool = True
    effect: str = ""
    violation: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of one client.

    Attributes:
        id: unique; it travels as X-Session-ID, so the log's rows are found by it.
        client: who asked. It stays the same when the client takes a new identity.
        identity: 1, 2, …: a client takes the next one after an operation whose outcome nobody told.
        collection: its name.
        incarnation: which collection of this name; each CREATE has a number of its own.
        documents: the ids it is about; empty for CREATE, DROP and QUERY.
        token: unique for each mutation, without spaces; it stands in text and metadata of all that is written (for
            CREATE in the collection's metadata). Empty for reads.
        metadata: what is written besides the token.
        invoked, returned: seconds of the monotonic clock. An indeterminate operation returned when the client gave up.
        invoked_at, returned_at: the same on the wall clock.
        found: what a read saw. Documents that were asked for and are not in it were seen absent.
        gone: a read was answered that there is no such collection.
        due: when the schedule asked for it, in seconds of the monotonic clock; None if no schedule did.
        question: of a query: the text whose embedding it asked for.
        results: of a query: how many documents it asked for. ``found`` has the answer's order.
    """

    __pydantic_config__ = _STRICT
    id: str
    client: str
    identity: int
    action: Action
    collection: str
    incarnation: int
    documents: tuple[str, ...]
    token: str
    invoked: float
    returned: float
    invoked_at: datetime
    returned_at: datetime
    result: Result
    wire: Evidence
    metadata: Metadata = field(default_factory=dict)
    found: tuple[Document, ...] = ()
    gone: bool = False
    due: float | None = None
    question: str = ""
    results: int = 0
    line: Literal["operation"] = "operation"

    def written(self, id: str) -> Document:
        """Return the document of this id as this operation writes it."""
        return rewritten(Document(id, None, self.metadata, ()), self.token)


class FaultKind(Enum):
    """The faults."""

    CRASH = "crash"
    FREEZE = "freeze"
    GRAY = "gray"
    SLOW = "slow"
    BLACK_HOLE = "black hole"
    RESET = "reset"
    REPLY_LOST = "reply lost"
    WRONG_STATUS = "wrong status"
    WRONG_BODY = "wrong body"
    DOWN = "down"
    SUSPENDED = "suspended"

    @property
    def stops_writes(self) -> bool:
        """Whether an instance with this fault takes no write at all, so that every write is owed to it."""
        stopping = (FaultKind.CRASH, FaultKind.FREEZE, FaultKind.GRAY, FaultKind.BLACK_HOLE, FaultKind.SUSPENDED)
        return self in stopping


def on_the_way_to(role: str) -> str:
    """Return the target of a fault between the balancer and an instance; the instance itself is well."""
    return f"way to the {role}"


class Stage(Enum):
    """How far a fault is."""

    INJECTED = "injected"
    PROVED = "proved"
    UNDONE = "undone"
    RESTORED = "proved undone"


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """A fault got to a stage.

    Attributes:
        fault: names the fault within the run; its stages share the name.
        target: the primary, the replica, or another part: "balancer", "postgresql", "slack".
        at: seconds of the monotonic clock.
        evidence: what the independent probe saw.
    """

    __pydantic_config__ = _STRICT
    fault: str
    kind: FaultKind
    target: str
    stage: Stage
    at: float
    evidence: str = ""
    line: Literal["fault"] = "fault"


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row of the transaction log. ``operation`` is the X-Session-ID it was stored with; times are PostgreSQL's."""

    __pydantic_config__ = _STRICT
    transaction: str
    operation: str
    status: str
    created_at: datetime
    ended_at: datetime | None
    line: Literal["log row"] = "log row"


@dataclass(frozen=True, slots=True)
class LogRead:
    """The log was read, and gave so many rows; each has a line of its own. ``at`` is of the monotonic clock."""

    __pydantic_config__ = _STRICT
    at: float
    rows: int
    line: Literal["log read"] = "log read"


@dataclass(frozen=True, slots=True)
class FinalRead:
    """All of one collection as one instance itself gives it, after the last operation.

    Attributes:
        started: seconds of the monotonic clock.
        found: whether the instance says that the collection is there. Saying nothing is ``failure``.
        ids: the instance's own ids of all its collections of this name.
        token: the token in the collection's metadata.
        counted: how many documents the instance itself counts.
        failure: why it could not be read; empty if it was.
    """

    __pydantic_config__ = _STRICT
    instance: Role
    collection: str
    started: float
    found: bool
    ids: tuple[str, ...] = ()
    token: str | None = None
    counted: int = 0
    documents: tuple[Document, ...] = ()
    failure: str = ""
    line: Literal["final read"] = "final read"


@dataclass(frozen=True, slots=True)
class GaugeSample:
    """How many owed writes the deployment showed; None if it showed nothing."""

    __pydantic_config__ = _STRICT
    at: float
    owed: int | None
    line: Literal["gauge"] = "gauge"


@dataclass(frozen=True, slots=True)
class StatusSample:
    """Which instances the deployment called healthy; None if it said nothing."""

    __pydantic_config__ = _STRICT
    started: float
    ended: float
    healthy: Mapping[str, bool] | None
    line: Literal["status"] = "status"


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether an instance itself, asked directly, did its work."""

    __pydantic_config__ = _STRICT
    instance: Role
    started: float
    ended: float
    alive: bool
    line: Literal["probe"] = "probe"


@dataclass(frozen=True, slots=True)
class MappingRead:
    """The whole collection mapping at the end: (name, id on the primary, id on the replica) in each row."""

    __pydantic_config__ = _STRICT
    at: float
    rows: tuple[tuple[str, str | None, str | None], ...]
    line: Literal["mapping"] = "mapping"


@dataclass(frozen=True, slots=True)
class Alert:
    """A message about an instance that reached the people who are on call.

    Attributes:
        at: when it arrived, in seconds of the monotonic clock.
        instance: whom it is about; None if it names neither instance, or both.
        recovered: it says that the instance is well again.
        text: as it was sent.
    """

    __pydantic_config__ = _STRICT
    at: float
    instance: Role | None
    recovered: bool
    text: str
    line: Literal["alert"] = "alert"


@dataclass(frozen=True, slots=True)
class AlertRead:
    """The messages were read, and were so many; each has a line of its own. ``at`` is of the monotonic clock."""

    __pydantic_config__ = _STRICT
    at: float
    number: int
    line: Literal["alert read"] = "alert read"


class Moment(Enum):
    """When collections that are not ours were looked at, seen from the workload."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Digest:
    """What an instance held besides our collections: a digest of the whole content, by name."""

    __pydantic_config__ = _STRICT
    instance: Role
    moment: Moment
    collections: Mapping[str, str]
    line: Literal["digest"] = "digest"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the judgement allows, in seconds, and how much it needs to have seen.

    Attributes:
        stale: how old a read may be.
        untrue: how long a status may be untrue.
        gauge: how soon after an acknowledged write the gauge has to show what is owed.
        terminal: how soon a transaction has to end, after its answer and the last fault.
        skew: how far PostgreSQL's clock may be from ours.
        floor: how many operations each phase needs.
        faults: how many faults were planned.
        cells: how many times each order of mutations has to be cut by a fault, for each pair of phases.
        receipts: of how many writes without an acknowledgement the effect has to be seen; a quarter, if that is less.
        deletes: what share of the mutations have to be deletes.
        late: how late, at most, 95 of 100 operations may be begun; later, the load was not what it was to be.
        first_good: how soon after a fault, by its kind, a write has to be acknowledged and readable.
        alert: how soon an outage, and its end, have to be told to people, from when they are a fact.
    """

    __pydantic_config__ = _STRICT
    stale: float = 1.0
    untrue: float = 1.0
    gauge: float = 1.0
    terminal: float = 30.0
    skew: float = 0.5
    floor: int = 1
    faults: int = 0
    cells: int = 0
    receipts: int = 1
    deletes: float = 0.0
    late: float = 1.0
    first_good: Mapping[str, float] = field(default_factory=dict)
    alert: float = 2.0


@dataclass(frozen=True, slots=True)
class Header:
    """What the run was.

    Attributes:
        seed: gives the same workload again.
        deployment: what was tested, in words.
        monotonic, wall: one moment on both clocks.
        actions: the kinds of operation that the workload was to try.
        faults: the names of the faults that were to be injected.
    """

    __pydantic_config__ = _STRICT
    seed: int
    deployment: str
    monotonic: float
    wall: datetime
    actions: tuple[Action, ...]
    faults: tuple[str, ...]
    limits: Limits = field(default_factory=Limits)
    version: int = VERSION
    line: Literal["header"] = "header"

    def on_our_clock(self, wall: datetime) -> float:
        """Return a wall time in seconds of the monotonic clock."""
        return self.monotonic + (wall - self.wall).total_seconds()


@dataclass(frozen=True, slots=True)
class End:
    """The run came to its end. ``lines`` counts all lines before this one."""

    __pydantic_config__ = _STRICT
    lines: int
    line: Literal["end"] = "end"


Event = (
    Operation
    | FaultEvent
    | LogRow
    | LogRead
    | FinalRead
    | GaugeSample
    | StatusSample
    | Probe
    | MappingRead
    | Digest
    | Alert
    | AlertRead
)
_LINE: TypeAdapter[Header | Event | End] = TypeAdapter(
    Annotated[Header | Event | End, Field(discriminator="line")], config=None
)


@dataclass(frozen=True)
class History:
    """A whole history. Each kind of event is in the order in which it was recorded."""

    header: Header
    operations: tuple[Operation, ...] = ()
    faults: tuple[FaultEvent, ...] = ()
    log_rows: tuple[LogRow, ...] = ()
    log_reads: tuple[LogRead, ...] = ()
    finals: tuple[FinalRead, ...] = ()
    gauges: tuple[GaugeSample, ...] = ()
    statuses: tuple[StatusSample, ...] = ()
    probes: tuple[Probe, ...] = ()
    mappings: tuple[MappingRead, ...] = ()
    digests: tuple[Digest, ...] = ()
    alerts: tuple[Alert, ...] = ()
    alert_reads: tuple[AlertRead, ...] = ()

    @classmethod
    def of(cls, header: Header, events: list[Event]) -> History:
        """Return the history that consists of these events."""
        kinds: dict[type, list[Event]] = {}
        for event in events:
            kinds.setdefault(type(event), []).append(event)
        return cls(header, **{_PLACES[kind]: tuple(own) for kind, own in kinds.items()})  # type: ignore[arg-type]

    def events(self) -> list[Event]:
        """Return all events, kind by kind."""
        return [event for place in _PLACES.values() for event in getattr(self, place)]


_PLACES: Mapping[type, str] = {
    Operation: "operations",
    FaultEvent: "faults",
    LogRow: "log_rows",
    LogRead: "log_reads",
    FinalRead: "finals",
    GaugeSample: "gauges",
    StatusSample: "statuses",
    Probe: "probes",
    MappingRead: "mappings",
    Digest: "digests",
    Alert: "alerts",
    AlertRead: "alert_reads",
}


class HistoryWriter:
    """Writes a history. May be used by several threads at once.

    Args:
        path: a file that does not exist yet.
        header: its first line.

    Each line is handed to the system at once and whole, so whatever was recorded before this process dies stays. As a
    context manager it ends the history only if nothing was raised: a run that broke off has no end, and no verdict.

    Raises:
        CouldNotObserve: if the file can't be made, or is there already.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self._lock = threading.Lock()
        self._lines = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise CouldNotObserve(f"The history {path} can't be written: {error.strerror}") from None
        self._write(header)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.end()
        else:
            self.close()

    def append(self, event: Event) -> None:
        """Record one event."""
        self._write(event)

    def end(self) -> None:
        """Say that all was recorded, and close."""
        self._write(End(self._lines))
        self.close()

    def close(self) -> None:
        """Close the file without an end: it will never be judged."""
        with self._lock:
            if self._file >= 0:
                os.fsync(self._file)
                os.close(self._file)
                self._file = -1

    def _write(self, event: Header | Event | End) -> None:
        rest = memoryview(_LINE.dump_json(event) + b"\n")
        with self._lock:
            while rest:
                rest = rest[os.write(self._file, rest) :]
            self._lines += 1


def read_history(path: Path) -> History:
    """Return the history in a file.

    Raises:
        BadHistory: if there is no whole history of this version; the sentence names the line.
    """
    try:
        with path.open("rb") as file:
            lines = file.readlines()
    except OSError as error:
        raise BadHistory(f"{path} can't be read: {error.strerror}") from None
    if not lines:
        raise BadHistory(f"{path} is empty, so there is nothing to judge")
    whole = lines[-1].endswith(b"\n")
    header: Header | None = None
    events: list[Event] = []
    for number, line in enumerate(lines, 1):
        if number == len(lines) and not whole:
            raise BadHistory(f"Line {number} of {path} is cut off, so the run did not end and nothing is judged")
        if number == 1:
            _check_version(path, line)
        try:
            event = _LINE.validate_json(line)
        except ValidationError as error:
            raise BadHistory(f"Line {number} of {path} is not what a history holds: {_problem(error)}") from None
        if isinstance(event, Header) is not (number == 1):
            raise BadHistory(f"Line {number} of {path} is {'a second' if number > 1 else 'no'} header")
        if isinstance(event, Header):
            header = event
        elif isinstance(event, End):
            if number != len(lines):
                raise BadHistory(f"Line {number} of {path} is the end, and {count(len(lines) - number, 'line')} follow")
            if event.lines != number - 1:
                raise BadHistory(f"Line {number} of {path} ends {event.lines:,} lines, and {number - 1:,} are there")
            assert header is not None
            return History.of(header, events)
        else:
            events.append(event)
    raise BadHistory(f"{path} stops after line {len(lines)} without an end, so the run broke off and nothing is judged")


def _check_version(path: Path, line: bytes) -> None:
    try:
        version = from_json(line).get("version")
    except (ValueError, AttributeError):
        raise BadHistory(f"Line 1 of {path} is no header of a history") from None
    if type(version) is not int or version != VERSION:
        raise BadHistory(f"Line 1 of {path} says version {shortened(str(version), 40)}; only {VERSION} can be judged")


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return shortened(f"{place}: {first['msg']}" if place else first["msg"])
