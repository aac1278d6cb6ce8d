"""The write-ahead log, the transaction log and the mapping, in PostgreSQL.

A request is appended before it is tried; whatever becomes of it is written behind, in the order it happened, several
rows to a commit. A crash loses at most such later marks: the rows are then applied again, which changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg

from . import statements
from .catalog import Collection
from .entries import Entry, State
from .operations import Action

log = logging.getLogger(__name__)

# Longer than a commit takes on a busy disk, shorter than a client's patience.
STATEMENT_TIMEOUT = 3.0
RECONNECT_INTERVAL = 0.2
LEADER_PATIENCE = 10.0
# So much goes to one commit: what takes longer than its time limit would be tried again for ever.
MARKS_AT_ONCE = 2000
REFUSALS_AT_ONCE, REFUSED_BYTES_AT_ONCE = 100, 4 * 1024 * 1024
# What the slowest PostgreSQL takes of a single large body.
BYTES_PER_SECOND = 4 * 1024 * 1024
# Refusals that PostgreSQL has not taken yet: all their bodies together, and how many there may be.
MOST_KEPT_BYTES = 64 * 1024 * 1024
MOST_REFUSALS = 100_000
# So long, below a statement's time limit, rows are waited for that a worker's session holds.
ROWS_PATIENCE = "2s"
# A session whose other end has vanished ends after some ten seconds, and its locks with it.
KEEPALIVES = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"}
UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # What the driver says of a connection that dies between two of its own steps.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
UNUSABLE = (*UNREACHABLE, asyncpg.PostgresError)
"""Why a database may not serve as a log when the balancer starts."""


class DatabaseInUse(OSError):
    """Another balancer holds the log: two of them would replay it against each other."""


class NotLogged(Exception):
    """A request could not be appended, so it must not be tried.

    Args:
        certain: whether it is known that nothing was committed. If not, the answer to the client must not
            claim that there is no effect.
    """

    def __init__(self, certain: bool) -> None:
        super().__init__("the write-ahead log cannot be reached")
        self.certain = certain


@dataclass(frozen=True)
class Refusal:
    """A mutating request that was answered without a log row: a 4xx, an overload, an unreachable log."""

    id: UUID
    session: str | None
    method: str
    path: str
    data: bytes
    status: int
    reason: str
    entry: Entry | None = None
    """The entry whose commit was never confirmed, if this is one."""


class Journal:
    """The log tables of one balancer.

    Args:
        dsn: PostgreSQL URL.
        instances: the names of all instances.
        on_late_commit: called with an entry whose commit turned out to have happened although no confirmation came.
        check_interval: seconds between two checks that PostgreSQL answers.
    """

    def __init__(
        self, dsn: str, instances: list[str], on_late_commit: Callable[[Entry], None], check_interval: float
    ) -> None:
        self._dsn = dsn
        self._instances = instances
        self._on_late_commit = on_late_commit
        self._check_interval = check_interval
        self._pool: asyncpg.Pool | None = None
        self._leader: asyncpg.Connection | None = None
        self._dirty_entries: dict[UUID, Entry] = {}
        self._dirty_collections: dict[str, Collection] = {}
        self._unwritten: dict[str, dict[UUID, Entry]] = {}
        self._flushed = asyncio.Event()
        self._refusals: list[Refusal] = []
        self._refused_bytes = 0
        self._unconfirmed: list[tuple[Refusal, Entry]] = []
        self._work = asyncio.Event()
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []
        self.available = False
        self.failed_writes = 0

    async def open(self) -> None:
        """Connect, become the one balancer of this database, and create what is missing of the schema.

        Raises:
            OSError, asyncpg.PostgresError, TimeoutError: the database cannot be reached or used.
        """
        await self._connect()
        self._tasks = [asyncio.create_task(self._write_behind()), asyncio.create_task(self._watch())]

    async def close(self) -> None:
        """Write what is still to be written, and disconnect."""
        self._closing = True
        self._work.set()
        if self._tasks:
            with suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(self._tasks[0], STATEMENT_TIMEOUT)
            self._tasks[1].cancel()
        if self._pool is not None:
            self._pool.terminate()

    async def append(self, entry: Entry) -> None:
        """Commit one request to the log and give the entry its ``seq``.

        Raises:
            NotLogged: it was not committed, or nobody can tell.
        """
        if not self.available or self._pool is None:
            raise NotLogged(certain=True)
        sql, more = _append_statement(entry)
        arguments = [*_append_arguments(entry), *more]
        try:
            row = await self._insert(sql, arguments)
        except asyncpg.UniqueViolationError:
            # The name's former owner has another one by now, and the mapping table is about to hear of it; the
            # first flush may have begun before that.
            for _ in range(2):
                await self._next_flush()
            row = await self._insert(sql, arguments, last=True)
        entry.seq, entry.created_at = row["seq"], row["created_at"]

    async def append_for(self, entry: Entry, target: str) -> None:
        """Commit a row that one instance is to apply, and that its others need not; no client asked for it.

        Raises:
            NotLogged: it was not committed, or nobody can tell.
        """
        row = await self._insert(
            statements.APPEND_FOR, [*_append_arguments(entry), entry.executed_on, target], last=True
        )
        entry.seq, entry.created_at = row["seq"], row["created_at"]

    async def _insert(self, sql: str, arguments: list[Any], *, last: bool = False) -> asyncpg.Record:
        if not self.available or self._pool is None:
            raise NotLogged(certain=True)
        try:
            connection = await self._pool.acquire(timeout=STATEMENT_TIMEOUT)
        except UNREACHABLE as error:
            self._lost(error)
            raise NotLogged(certain=True) from None
        try:
            return await connection.fetchrow(sql, *arguments, timeout=STATEMENT_TIMEOUT)
        except UNREACHABLE as error:
            self._lost(error)
            raise NotLogged(certain=False) from None
        except asyncpg.PostgresError as error:
            # PostgreSQL is there and has refused the statement, so it is rolled back.
            if isinstance(error, asyncpg.UniqueViolationError) and not last:
                raise
            log.error("the write-ahead log refuses a row: %s", error)
            raise NotLogged(certain=True) from None
        finally:
            with suppress(*UNREACHABLE):
                await self._pool.release(connection, timeout=STATEMENT_TIMEOUT)

    def changed(self, entry: Entry) -> None:
        """Note that an entry's state has to be written."""
        self._dirty_entries[entry.id] = entry
        if entry.applied:
            self._unwritten.setdefault(entry.lane, {})[entry.id] = entry
        self._work.set()

    async def may_apply(self, entry: Entry) -> None:
        """Wait until an entry may be applied: until what was applied before it is written down, as far as needed.

        While PostgreSQL is away nothing is waited for: its outage alone costs no row its place.
        """
        while self.available:
            earlier = [e for e in self._unwritten.get(entry.lane, {}).values() if e.seq < entry.seq]
            if all(entry.may_follow(e) for e in earlier):
                return
            await self._next_flush()

    async def written(self, entries: Sequence[Entry]) -> None:
        """Wait until the state of rows is written down, or PostgreSQL is away."""
        while self.available and any(entry.id in self._unwritten.get(entry.lane, ()) for entry in entries):
            await self._next_flush()

    async def lane_written(self, lane: str) -> None:
        """Wait until whatever was applied of a lane is written down, or PostgreSQL is away."""
        while self.available and self._unwritten.get(lane):
            await self._next_flush()

    async def _next_flush(self) -> None:
        if not self.available:
            return
        self._flushed.clear()
        self._work.set()
        await self._flushed.wait()

    def collection_changed(self, collection: Collection) -> None:
        """Note that a collection's mapping row has to be written, or deleted if the collection is."""
        self._dirty_collections[collection.id] = collection
        self._work.set()

    def refused(self, refusal: Refusal) -> None:
        """Note a transaction that ended without a log row. It is written as soon as PostgreSQL takes it.

        While PostgreSQL is away, only the first of them keep their bodies: memory is not endless, their clients were
        told that nothing was attempted, and a row without its body still says who was refused what, and when. If there
        are too many even so, this program's own log says it in place of the table.
        """
        self._work.set()
        if refusal.entry is not None:
            self._unconfirmed.append((refusal, refusal.entry))
            return
        if len(self._refusals) >= MOST_REFUSALS:
            log.error(
                "refused and not recorded in PostgreSQL, which is away for too long: transaction %s of session %s, "
                "%s %s, answered %d: %s",
                refusal.id,
                refusal.session,
                refusal.method,
                refusal.path,
                refusal.status,
                refusal.reason,
            )
            return
        if self._refused_bytes + len(refusal.data) > MOST_KEPT_BYTES:
            refusal = replace(refusal, data=b"")
        self._refused_bytes += len(refusal.data)
        self._refusals.append(refusal)

    async def load(self) -> tuple[list[asyncpg.Record], list[asyncpg.Record]]:
        """Return the mapping rows, and the log rows that some instance still owes, in the order of the log."""
        assert self._pool is not None
        return await self._pool.fetch(statements.LOAD_MAPPING), await self._pool.fetch(statements.LOAD_OWED)

    async def mappings(self, limit: int, offset: int) -> tuple[int, list[asyncpg.Record]]:
        """Return how many mapping rows there are, and one page of them.

        Raises:
            NotLogged: PostgreSQL cannot be reached.
        """
        if not self.available or self._pool is None:
            raise NotLogged(certain=True)
        try:
            total = await self._pool.fetchval(statements.COUNT_MAPPINGS, timeout=STATEMENT_TIMEOUT)
            return total, await self._pool.fetch(statements.PAGE_OF_MAPPINGS, limit, offset, timeout=STATEMENT_TIMEOUT)
        except UNREACHABLE as error:
            self._lost(error)
            raise NotLogged(certain=True) from None

    async def document_rows(self, collection_id: UUID, after: int, limit: int) -> list[asyncpg.Record]:
        """Return the rows of a collection that clients asked for, in order; not those that were refused.

        Args:
            after: only rows behind this one.

        Raises:
            NotLogged: PostgreSQL cannot be reached.
        """
        rows = await self._ask(
            lambda pool: pool.fetch(statements.DOCUMENT_ROWS, collection_id, after, limit, timeout=STATEMENT_TIMEOUT)
        )
        if rows is None:
            raise NotLogged(certain=True)
        return list(rows)

    async def sync_at_work(self) -> bool:
        """Return whether a coordinator and at least one worker are there to take rows over."""
        return bool(await self._ask(lambda pool: pool.fetchval(statements.SYNC_AT_WORK, timeout=STATEMENT_TIMEOUT)))

    async def finished_by_sync(self, seqs: list[int]) -> list[asyncpg.Record]:
        """Return those of the rows that sync workers are done with, or that they found to be refused."""
        answer = self._ask(lambda pool: pool.fetch(statements.FINISHED_BY_SYNC, seqs, timeout=STATEMENT_TIMEOUT))
        return await answer or []

    async def take_back(
        self, collection_id: UUID, target: str, seqs: list[int], *, at_once: bool
    ) -> list[asyncpg.Record] | None:
        """Take the rows of a collection back from the sync workers.

        Args:
            seqs: those of which it matters whether the workers are done with them.
            at_once: do it even if a worker is at it.

        Returns:
            Those of the rows that the workers are done with; None if nothing was taken back.
        """
        answer = await self._ask(lambda pool: _take_back(pool, collection_id, target, seqs, at_once))
        return None if answer is None else list(answer)

    async def _ask(self, question: Callable[[asyncpg.Pool], Awaitable[Any]]) -> Any:
        """Return the answer to a question, or None while PostgreSQL is away."""
        if not self.available or self._pool is None:
            return None
        try:
            return await question(self._pool)
        except UNREACHABLE as error:
            self._lost(error)
            return None

    async def _connect(self) -> None:
        pool = await asyncpg.create_pool(self._dsn, min_size=1, max_size=8, timeout=STATEMENT_TIMEOUT)
        leader: asyncpg.Connection | None = None
        try:
            # A connection of its own, outside the pool: a pool resets a session's locks.
            leader = await asyncpg.connect(self._dsn, timeout=STATEMENT_TIMEOUT, server_settings=KEEPALIVES)
            patience = asyncio.get_running_loop().time() + LEADER_PATIENCE
            while not await leader.fetchval(statements.LEADER_LOCK, timeout=STATEMENT_TIMEOUT):
                if asyncio.get_running_loop().time() > patience:
                    raise DatabaseInUse("another balancer is at work on this database")
                await asyncio.sleep(RECONNECT_INTERVAL)
            await leader.execute(statements.SCHEMA)
            self.failed_writes = await leader.fetchval(statements.COUNT_FAILED)
        except BaseException:
            pool.terminate()
            if leader is not None:
                leader.terminate()
            raise
        leader.add_termination_listener(lambda _: self._lost(None))
        self._pool, self._leader = pool, leader
        self.available = True

    def _lost(self, error: BaseException | None) -> None:
        if self.available and not self._closing:
            log.warning("PostgreSQL is lost: %s", error or "the connection was closed")
        self.available = False
        self._flushed.set()
        self._work.set()

    async def _watch(self) -> None:
        """Notice a PostgreSQL that has stopped answering, and come back to one that answers again."""
        while True:
            try:
                if self.available and self._leader is not None:
                    await asyncio.sleep(self._check_interval)
                    await self._leader.fetchval(statements.PING, timeout=STATEMENT_TIMEOUT / 3)
                    continue
                await self._reconnect()
            except UNUSABLE as error:
                if self.available:
                    self._lost(error)
                    continue
                log.info("PostgreSQL is still away: %s", error)
                await asyncio.sleep(RECONNECT_INTERVAL)
            except Exception as error:
                # A defect of this program must not end the watch: nobody else comes back to PostgreSQL.
                log.exception("watching PostgreSQL")
                self._lost(error)
                await asyncio.sleep(RECONNECT_INTERVAL)

    async def _reconnect(self) -> None:
        for stale in (self._pool, self._leader):
            if stale is not None:
                stale.terminate()
        await self._connect()
        # Before any new request is taken, settle the ones nobody can tell about: later rows must not overtake them.
        self.available = False
        while self._unconfirmed:
            await self._settle_unconfirmed()
        self.available = True
        self._work.set()
        log.warning("PostgreSQL is back")

    async def _write_behind(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            if self.available:
                try:
                    await self._write_marks()
                    await self._settle_unconfirmed()
                    await self._write_refusals()
                except UNREACHABLE as error:
                    self._lost(error)
                except Exception:
                    # PostgreSQL refuses, or the driver fails: nothing is dropped, and the log says why it is stuck.
                    log.exception("marks could not be written; they are tried again")
                    await asyncio.sleep(RECONNECT_INTERVAL)
                    self._work.set()
                self._flushed.set()
                if self._dirty_entries or self._unconfirmed or self._refusals:
                    self._work.set()
            if self._closing and not (self.available and self._work.is_set()):
                return

    async def _settle_unconfirmed(self) -> None:
        """Find out what became of a request whose commit was never confirmed, and take it up if that happened."""
        assert self._pool is not None
        if not self._unconfirmed:
            return
        refusal, entry = self._unconfirmed[0]
        seconds = _time_limit(len(refusal.data))
        async with asyncio.timeout(2 * seconds):
            mine = await self._pool.fetchval(statements.RECORD_REFUSALS, *_refusal_columns([refusal]), timeout=seconds)
            if mine is None:
                row = await self._pool.fetchrow(statements.FIND_ROW, refusal.id, timeout=STATEMENT_TIMEOUT)
                # Without a row it was this refusal that came first: an earlier try, whose answer was lost too.
                if row is not None:
                    entry.seq, entry.created_at = row["seq"], row["created_at"]
                    self._on_late_commit(entry)
        del self._unconfirmed[0]

    async def _write_refusals(self) -> None:
        assert self._pool is not None
        batch, size = list[Refusal](), 0
        for refusal in self._refusals[:REFUSALS_AT_ONCE]:
            size += len(refusal.data)
            if batch and size > REFUSED_BYTES_AT_ONCE:
                break
            batch.append(refusal)
        if not batch:
            return
        seconds = _time_limit(size)
        async with asyncio.timeout(2 * seconds):
            await self._pool.fetch(statements.RECORD_REFUSALS, *_refusal_columns(batch), timeout=seconds)
        # Others may have come meanwhile: only what was written is forgotten.
        del self._refusals[: len(batch)]
        self._refused_bytes -= sum(len(refusal.data) for refusal in batch)

    async def _write_marks(self) -> None:
        """Write the state of what changed, or of the first of it, in one commit.

        Per collection and instance the marks are always a beginning of the log, never one with holes: whatever
        was applied before is in this commit or in an earlier one. So the first are those that the log has first.
        """
        assert self._pool is not None
        first = sorted(self._dirty_entries.values(), key=lambda entry: entry.seq)[:MARKS_AT_ONCE]
        entries = {entry.id: self._dirty_entries.pop(entry.id) for entry in first}
        collections, self._dirty_collections = self._dirty_collections, {}
        if not entries and not collections:
            return
        # What is written is the state of this moment. Read any later, a row of this commit could say what is true only
        # since a row of the next one is.
        rows, transactions = self._entry_columns(list(entries.values()))
        handed_over = any(entry.handed_to for entry in entries.values())
        live = [c for c in collections.values() if not c.deleted]
        gone = [UUID(c.id) for c in collections.values() if c.deleted]
        mapped = _mapping_columns(live)
        try:
            # Returning a connection to the pool has no time limit of its own.
            async with (
                asyncio.timeout(3 * STATEMENT_TIMEOUT),
                self._pool.acquire(timeout=STATEMENT_TIMEOUT) as connection,
                connection.transaction(),
            ):
                if entries:
                    await connection.execute(statements.UPDATE_ROWS, *rows, timeout=STATEMENT_TIMEOUT)
                    await connection.execute(statements.UPDATE_TRANSACTIONS, *transactions, timeout=STATEMENT_TIMEOUT)
                if handed_over:
                    await connection.execute(statements.TELL_COORDINATOR, timeout=STATEMENT_TIMEOUT)
                # First those that are gone: another collection may have taken the name.
                if gone:
                    await connection.execute(statements.DELETE_MAPPING, gone, timeout=STATEMENT_TIMEOUT)
                if live:
                    await connection.execute(statements.UPDATE_MAPPING, *mapped, timeout=STATEMENT_TIMEOUT)
        except BaseException:
            self._dirty_entries = entries | self._dirty_entries
            self._dirty_collections = collections | self._dirty_collections
            raise
        self._forget_unwritten(entries)

    def _forget_unwritten(self, written: dict[UUID, Entry]) -> None:
        for entry in written.values():
            of_lane = self._unwritten.get(entry.lane)
            if of_lane is not None and entry.id not in self._dirty_entries:
                of_lane.pop(entry.id, None)
                if not of_lane:
                    del self._unwritten[entry.lane]

    def _entry_columns(self, entries: list[Entry]) -> tuple[list[list[Any]], list[list[Any]]]:
        count = len(self._instances)
        rows: list[list[Any]] = [
            [e.seq for e in entries],
            [e.log_status(count) for e in entries],
            [e.executed_on for e in entries],
            [",".join(sorted(e.applied)) for e in entries],
            [sum(e.attempts.values()) for e in entries],
            [e.error for e in entries],
            [e.handed_to for e in entries],
        ]
        transactions: list[list[Any]] = [
            [e.id for e in entries],
            [e.transaction_status for e in entries],
            [e.error if e.refused or e.state is not State.EXECUTED else None for e in entries],
            [e.response_status for e in entries],
            [sum(e.attempts.values()) for e in entries],
            [not e.settled for e in entries],
        ]
        return rows, transactions


def _time_limit(size: int) -> float:
    """Return the seconds that a statement with so many bytes may take."""
    return STATEMENT_TIMEOUT + size / BYTES_PER_SECOND


class _InHand(Exception):
    """A worker is at the task."""


async def _take_back(
    pool: asyncpg.Pool, collection_id: UUID, target: str, seqs: list[int], at_once: bool
) -> list[asyncpg.Record] | None:
    try:
        async with pool.acquire(timeout=STATEMENT_TIMEOUT) as connection, connection.transaction():
            seconds = STATEMENT_TIMEOUT
            await connection.execute(statements.WAIT_FOR_ROWS, ROWS_PATIENCE, timeout=seconds)
            # The rows first: whoever is cutting them into tasks has done so when they can be had.
            await connection.execute(statements.TAKE_BACK, collection_id, target, timeout=seconds)
            tasks = await connection.fetch(statements.OPEN_TASKS, collection_id, target, timeout=seconds)
            if not at_once and any(task["task_status"] == "processing" and task["in_hand"] for task in tasks):
                raise _InHand
            await connection.execute(statements.GIVE_UP_TASKS, [task["id"] for task in tasks], timeout=seconds)
            return list(await connection.fetch(statements.FINISHED_BY_SYNC, seqs, timeout=seconds))
    except (_InHand, asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        return None


def _append_arguments(entry: Entry) -> list[Any]:
    operation = entry.operation
    return [
        entry.id,
        entry.session,
        operation.method,
        _storable(operation.path),
        _text(entry.data),
        _storable(entry.name) if entry.name is not None else None,
        UUID(entry.collection.id) if entry.collection else None,
        _storable(entry.lane),
    ]


def _refusal_columns(refusals: list[Refusal]) -> list[list[Any]]:
    return [
        [r.id for r in refusals],
        [r.session for r in refusals],
        [r.method for r in refusals],
        [_storable(r.path) for r in refusals],
        [_text(r.data) for r in refusals],
        [_storable(r.reason) for r in refusals],
        [r.status for r in refusals],
    ]


def _append_statement(entry: Entry) -> tuple[str, list[Any]]:
    operation = entry.operation
    match operation.action:
        case Action.CREATE_COLLECTION:
            return statements.APPEND_CREATION, [_storable(operation.tenant), _storable(operation.database)]
        case Action.DELETE_COLLECTION:
            return statements.APPEND_DELETION, []
        case Action.DELETE_NAMESPACE:
            return statements.APPEND_DATABASE_DELETION, [_storable(operation.tenant), _storable(operation.database)]
        case _:
            return statements.APPEND, []


def _mapping_columns(collections: list[Collection]) -> list[list[Any]]:
    def uuids(instance: str) -> list[UUID | None]:
        return [UUID(c.ids[instance]) if instance in c.ids else None for c in collections]

    return [
        [UUID(c.id) for c in collections],
        [c.qualified_name for c in collections],
        uuids("primary"),
        uuids("replica"),
    ]


def _text(data: bytes) -> str | None:
    """Return a body as the log keeps it: the text as sent. Bytes that are no text are shown, not dropped."""
    return _storable(data.decode("utf-8", "backslashreplace")) if data else None


def _storable(text: str) -> str:
    """Return a text without the one character that PostgreSQL's text cannot hold; no valid request has it."""
    return text.replace("\x00", "\\x00")
