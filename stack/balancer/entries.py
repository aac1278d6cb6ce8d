"""A row of the write-ahead log while it is alive in memory, and what its state means in the two log tables."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from uuid import UUID, uuid4

import orjson

from .batching import may_follow, repeatable
from .catalog import Collection
from .operations import Action, Operation


class State(Enum):
    """How far a logged request has come, all instances taken together."""

    PENDING = "pending"
    EXECUTED = "executed"
    REJECTED = "rejected"
    """An instance refused it with a 4xx, or it came to nothing because its collection was deleted first."""
    ABANDONED = "abandoned"
    """Every instance fails on it although each is well: it would block its collection for ever."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer on its way to a client: status, body, and the headers that matter."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


@dataclass(eq=False)
class Entry:
    """One mutating request: logged before it is tried, applied by every instance in the order of ``seq``.

    Attributes:
        operation: what is asked for.
        data: the body as the client sent it.
        lane: the ordering key it is applied under.
        name: the collection's qualified name when the request was logged, None for a namespace.
        session: the client's X-Session-ID.
        refused: the client was told 503, or is gone: the outcome is known from the log alone.
        applied: names of the instances that hold the effect.
        failed_on: names of the instances that refused what another one executed.
    """

    operation: Operation
    data: bytes
    lane: str
    collection: Collection | None
    name: str | None
    session: str | None
    id: UUID = field(default_factory=uuid4)
    seq: int = 0
    state: State = State.PENDING
    applied: set[str] = field(default_factory=set)
    failed_on: set[str] = field(default_factory=set)
    executed_on: str | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    error: str | None = None
    response_status: int | None = None
    refused: bool = False
    created_at: datetime | None = None
    reply: asyncio.Future[Reply] | None = None
    settled_at: float = 0.0
    """When the first instance executed it, on the monotonic clock."""
    handed_to: str | None = None
    """The instance that sync workers are to apply it to, as long as they are."""
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the outcome is known, or when whom to wait for may have changed."""
    repeatable: bool = field(init=False)
    """Whether it may be applied again after rows that followed it."""

    def __post_init__(self) -> None:
        self.repeatable = repeatable(self.operation.action, self.data)

    def may_follow(self, earlier: Entry) -> bool:
        """Whether it may be applied before PostgreSQL knows that an earlier row of the lane was.

        If the balancer dies in between, the earlier row is applied again on top of this one.
        """
        return may_follow(
            self.operation.action,
            repeatable=self.repeatable,
            earlier=earlier.operation.action,
            earlier_repeatable=earlier.repeatable,
        )

    def answer(self, reply: Reply) -> None:
        """Give the waiting client its answer, unless it has one already."""
        if self.reply is not None and not self.reply.done():
            self.response_status = reply.status
            self.reply.set_result(reply)

    @property
    def new_name(self) -> str | None:
        """The name that a modification gives to its collection, if it does."""
        if self.operation.action is not Action.MODIFY_COLLECTION:
            return None
        name = orjson.loads(self.data or b"{}").get("new_name")
        return str(name) if name is not None else None

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows what its client was told: its balancer died before it was written down."""
        return self.refused and self.response_status is None

    @property
    def settled(self) -> bool:
        """Whether the outcome is known: executed somewhere, or for good nowhere."""
        return self.state is not State.PENDING

    def log_status(self, instances: int) -> str:
        """Return the status of the row in ``unified_wal_writes``.

        Args:
            instances: how many instances have to hold the effect.
        """
        if self.failed_on or self.state is State.ABANDONED:
            return "failed"
        if self.state is State.EXECUTED and len(self.applied) == instances:
            return "synced"
        return str(self.state.value)

    @property
    def transaction_status(self) -> str:
        """The status of the row in ``emergency_transaction_log``."""
        match self.state:
            case State.PENDING:
                # Also if its client was told 503: whoever reads FAILED sends it again, and it is still to come.
                return "ATTEMPTING"
            case State.EXECUTED:
                return "RECOVERED" if self.refused else "COMPLETED"
            case State.REJECTED:
                return "ABANDONED" if self.refused else "FAILED"
            case State.ABANDONED:
                return "ABANDONED"
