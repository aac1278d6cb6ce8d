"""A worker: claims tasks, applies their rows to the instance that owes them, and says so in the log.

What it has sent and not yet marked is all that may be sent again, by itself or by whoever takes its task over; it
marks as often as it has to, so that doing so changes nothing. It sends only for a while after it has begun to ask
whether the task is still its own: one that was frozen for longer asks again, whatever it had been told meanwhile, and
if the task is somebody else's by now, sends nothing. A request that it was frozen in the middle of is not completed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile

import asyncpg

from ..balancer.batching import may_follow, merge
from ..balancer.http_client import Answer, HttpClient, Unreachable
from ..balancer.journal import UNREACHABLE
from ..balancer.operations import Operation, read_operation
from ..balancer.resources import Resources
from . import statements
from .chunks import Piece, Row, pieces
from .database import RECONNECT_INTERVAL, called_or_due, with_session
from .settings import WorkerSettings

log = logging.getLogger(__name__)

# As for the balancer: giving a request up and sending it again would let the first one arrive after its successors.
APPLY_TIMEOUT = 120.0
RETRY_FIRST = 0.05
# So many requests go to a commit of marks, at most.
MARK_AT_LEAST_EVERY = 50
# A task on which its target fails so often waits until others have had their turn.
MOST_FAILURES = 8
# A target that does not know a collection for so long refuses its rows for good.
LOST_PATIENCE = 15.0
_JSON = {"content-type": "application/json"}


class NotMine(Exception):
    """The task was taken over, or taken back, or given back."""


class Replaced(Exception):
    """The collection is another one on the target by now: what is left of the task has to be looked at anew."""


@dataclass(frozen=True)
class _Task:
    id: int
    collection: object
    target: str
    length: int
    seqs: list[int]
    first_document: int
    done: int

    @classmethod
    def of(cls, row: asyncpg.Record) -> _Task:
        length = row["chunk_end_offset"] - row["chunk_start_offset"]
        return cls(
            row["id"],
            row["collection_id"],
            row["target_instance"],
            length,
            row["write_seqs"],
            row["first_document"],
            row["documents_done"],
        )


class Worker:
    """One worker.

    Args:
        settings: what it was started with.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._id = settings.worker_id
        self._lease = timedelta(seconds=settings.sync_heartbeat_timeout)
        self._instances = {"primary": HttpClient(settings.primary_url), "replica": HttpClient(settings.replica_url)}
        self._resources = Resources(settings)
        self._task: _Task | None = None
        self._heard = asyncio.Event()
        self._lost_since: dict[str, float] = {}
        self._trusted_until = float("-inf")

    async def run(self) -> None:
        """Work for ever. A worker that is stopped gives its task back."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._resources.run())
            tasks.create_task(with_session(self._settings.database_url, statements.HANDED, self._beat))
            tasks.create_task(with_session(self._settings.database_url, statements.TASKED, self._work))

    async def leave(self) -> None:
        """Give the task back and sign off, if the database can be reached."""
        try:
            connection = await asyncpg.connect(self._settings.database_url, timeout=RECONNECT_INTERVAL * 5)
            async with connection.transaction():
                await connection.execute(statements.RELEASE_TASKS, self._id)
                await connection.execute(statements.LEAVE, self._id)
            await connection.execute(statements.TELL_WORKERS)
            await connection.close()
        except UNREACHABLE:
            log.info("the database is away; the coordinator will notice that this worker is gone")

    async def _beat(self, connection: asyncpg.Connection, _: asyncio.Event) -> None:
        while True:
            await self._is_mine(connection, self._task)
            self._heard.set()
            await asyncio.sleep(self._settings.sync_heartbeat_interval)

    async def _is_mine(self, connection: asyncpg.Connection, task: _Task | None) -> bool:
        """Say that this worker lives, and ask whether a task is its own still; then nobody else gets it for a lease."""
        begun, used = time.monotonic(), self._resources
        own = task.id if task is not None else None
        await connection.execute(statements.HEARTBEAT, self._id, own, used.memory_mb, used.cpu_percent, self._lease)
        if task is None or not await connection.fetchval(statements.STILL_MINE, task.id, self._id):
            return False
        if self._task is task:
            # Half of it, since whoever takes a task over may have another clock rate, and what is sent takes its time.
            self._trusted_until = max(self._trusted_until, begun + self._lease.total_seconds() / 2)
        return True

    async def _work(self, connection: asyncpg.Connection, called: asyncio.Event) -> None:
        # Nothing is claimed by a worker that nobody knows of.
        await self._heard.wait()
        while True:
            row = await connection.fetchrow(statements.OWN_TASK, self._id)
            row = row or await connection.fetchrow(statements.CLAIM_TASK, self._id)
            if row is None:
                await called_or_due(called, self._settings.wal_sync_interval)
                continue
            # However long that took: whether it is still its own shows after a heartbeat of now.
            self._task, self._trusted_until = _Task.of(row), float("-inf")
            try:
                await self.carry_out(connection, self._task)
            except NotMine:
                log.warning("task %d is not this worker's any more", self._task.id)
            except Replaced:
                log.warning("task %d is about a collection that the target has got anew", self._task.id)
            finally:
                self._task = None

    async def carry_out(self, connection: asyncpg.Connection, task: _Task) -> None:
        """Do what is left to do of a task.

        Raises:
            NotMine: somebody else has it by now.
        """
        rows = await connection.fetch(statements.TASK_ROWS, task.seqs)
        operations = {row["seq"]: _operation(row) for row in rows}
        whole = [Row(row["seq"], operations[row["seq"]].action, (row["data"] or "").encode()) for row in rows]
        left = list(pieces(whole, task.first_document, task.length, task.done))
        in_hand = await self._in_hand(connection, task)
        done, unmarked = task.done, list[Piece]()
        while left:
            own_id = in_hand.get(left[0].seq)
            if own_id is None:
                # The balancer has dealt with it: its collection is deleted, or the row was taken back.
                done += left.pop(0).documents
                continue
            if len(unmarked) >= MARK_AT_LEAST_EVERY or not _may_follow(left[0], unmarked):
                await self._mark(connection, task, done, unmarked)
                unmarked = []
            size = self._resources.batch_size
            batch = list(takewhile(lambda piece: piece.seq in in_hand, left[:size]))
            count, body = merge(
                [(piece.action, piece.body) for piece in batch],
                size,
                answered=True,
                most_bytes=self._resources.batch_bytes,
            )
            batch = batch[:count]
            answer = await self._send(connection, task, operations[batch[0].seq], own_id, body)
            if answer.status >= 400 and len(batch) > 1:
                # One of them is at fault; which one shows when the first goes alone.
                batch = batch[:1]
                answer = await self._send(connection, task, operations[batch[0].seq], own_id, batch[0].body)
            if answer.status == 404 and await connection.fetchval(statements.IS_DELETED, task.collection):
                return await self._complete(connection, task, task.length)
            del left[: len(batch)]
            done += sum(piece.documents for piece in batch)
            if answer.status < 400:
                unmarked += batch
            else:
                await self._mark(connection, task, done, unmarked, refused=batch[0], answer=answer)
                unmarked = []
        await self._mark(connection, task, done, unmarked)
        await self._complete(connection, task, done)

    async def _send(
        self, connection: asyncpg.Connection, task: _Task, operation: Operation, own_id: str, body: bytes
    ) -> Answer:
        """Send a request until it is answered, for as long as the task is this worker's.

        Raises:
            NotMine: it is somebody else's, or was given back because the target fails again and again.
            Replaced: the target has the collection anew.
        """
        pause = RETRY_FIRST
        for _ in range(MOST_FAILURES):
            # An answer that has waited for a frozen worker tells of a time long past: it asks again.
            while time.monotonic() > self._trusted_until:
                if not await self._is_mine(connection, task):
                    raise NotMine
            try:
                answer = await self._instances[task.target].call(
                    operation.method,
                    operation.path_on_instance(own_id),
                    body,
                    _JSON,
                    APPLY_TIMEOUT,
                    complete_by=self._trusted_until,
                )
                trouble = f"{task.target} answered {answer.status}: {_words(answer)}"
                if answer.status == 404:
                    if await self._lost_for_good(connection, task, own_id):
                        return answer
                elif not answer.is_failure:
                    self._lost_since.pop(own_id, None)
                    return answer
            except Unreachable as error:
                trouble = f"{task.target}: {error}"
            await connection.execute(statements.NOTE_TROUBLE, task.id, self._id, trouble)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._settings.wal_sync_interval)
        await connection.execute(statements.GIVE_BACK_TASK, task.id, self._id)
        raise NotMine

    async def _lost_for_good(self, connection: asyncpg.Connection, task: _Task, own_id: str) -> bool:
        """Whether a target that does not know a collection has nothing more to be told about it.

        Either the collection is deleted, or the target has lost it, and is about to get it anew.

        Raises:
            NotMine, Replaced: it is about to get it, or has got it already.
        """
        if await connection.fetchval(statements.IS_DELETED, task.collection):
            return True
        if not await connection.fetchval(statements.STILL_MINE, task.id, self._id):
            raise NotMine
        if own_id not in (await self._in_hand(connection, task)).values():
            raise Replaced
        now = asyncio.get_running_loop().time()
        return now - self._lost_since.setdefault(own_id, now) > LOST_PATIENCE

    async def _in_hand(self, connection: asyncpg.Connection, task: _Task) -> dict[int, str]:
        """Return the rows of a task that are still to be done, each with the target's own id of the collection."""
        query = statements.ROWS_IN_HAND.format(target=task.target)
        rows = await connection.fetch(query, task.seqs, task.target, task.collection)
        return {row["seq"]: row["own_id"] for row in rows}

    async def _mark(
        self,
        connection: asyncpg.Connection,
        task: _Task,
        done: int,
        applied: list[Piece],
        *,
        refused: Piece | None = None,
        answer: Answer | None = None,
    ) -> None:
        """Write down, in one commit, how far the task is and what became of its rows."""
        async with connection.transaction():
            if not await connection.fetchval(statements.ADVANCE_TASK, task.id, self._id, done):
                raise NotMine
            complete = [piece.seq for piece in applied if piece.completes]
            await connection.execute(statements.ROWS_DONE, complete, task.target)
            if refused is not None and answer is not None:
                reason = f"{task.target} answered {answer.status}: {_words(answer)}"
                await connection.execute(statements.ROW_REFUSED, refused.seq, task.target, reason)

    async def _complete(self, connection: asyncpg.Connection, task: _Task, done: int) -> None:
        async with connection.transaction():
            await connection.execute(statements.ADVANCE_TASK, task.id, self._id, done)
            await connection.execute(statements.COMPLETE_TASK, task.id, self._id)
            # The next chunk of the collection can be claimed now.
            await connection.execute(statements.TELL_WORKERS)


def _may_follow(piece: Piece, unmarked: list[Piece]) -> bool:
    """Whether a piece may be sent before those are marked that were sent before it."""
    return all(
        may_follow(piece.action, repeatable=piece.repeatable, earlier=one.action, earlier_repeatable=one.repeatable)
        for one in unmarked
    )


def _operation(row: asyncpg.Record) -> Operation:
    operation = read_operation(row["method"], row["path"])
    assert operation is not None, f"row {row['seq']} is no request"
    return operation


def _words(answer: Answer) -> str:
    return answer.body[:300].decode("utf-8", "replace")
