"""A worker: claims tasks, applies their rows to the instance that owes them, and says so in the log.

What it has sent and not yet marked is all that may be sent again, by itself or by whoever takes its task over; it
marks as often as it has to, so that doing so changes nothing. It sends only for a while after a heartbeat of its own:
one that was frozen for longer asks first whether the task is still its own, and if not, sends nothing.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
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
# A target that does not know a collection for so long refuses its rows for good.
LOST_PATIENCE = 15.0
_JSON = {"content-type": "application/json"}


class NotMine(Exception):
    """The task was taken over, or taken back."""


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
        self._instances = {"primary": HttpClient(settings.primary_url), "replica": HttpClient(settings.replica_url)}
        self._resources = Resources(settings)
        self._task: _Task | None = None
        self._heard = asyncio.Event()
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
            task = self._task.id if self._task is not None else None
            used, begun = self._resources, asyncio.get_running_loop().time()
            await connection.execute(statements.HEARTBEAT, self._id, task, used.memory_mb, used.cpu_percent)
            # Nobody takes a task over before twice that time has passed.
            self._trusted_until = begun + self._settings.sync_heartbeat_timeout / 2
            self._heard.set()
            await asyncio.sleep(self._settings.sync_heartbeat_interval)

    async def _work(self, connection: asyncpg.Connection, called: asyncio.Event) -> None:
        # Nothing is claimed by a worker that nobody knows of.
        await self._heard.wait()
        while True:
            row = await connection.fetchrow(statements.OWN_TASK, self._id)
            row = row or await connection.fetchrow(statements.CLAIM_TASK, self._id)
            if row is None:
                await called_or_due(called, self._settings.wal_sync_interval)
                continue
            self._task = _Task.of(row)
            try:
                await self.carry_out(connection, self._task)
            except NotMine:
                log.warning("task %d is not this worker's any more", self._task.id)
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
        in_hand = {row["seq"] for row in await connection.fetch(statements.ROWS_IN_HAND, task.seqs, task.target)}
        own_id = await connection.fetchval(statements.OWN_ID.format(target=task.target), task.collection)
        done, unmarked = task.done, list[Piece]()
        while left:
            if left[0].seq not in in_hand or own_id is None:
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
        """Send a request until it is answered, for as long as the task is this worker's."""
        pause = RETRY_FIRST
        loop = asyncio.get_running_loop()
        lost_for_good = loop.time() + LOST_PATIENCE
        while True:
            if loop.time() > self._trusted_until and not await connection.fetchval(
                statements.STILL_MINE, task.id, self._id
            ):
                raise NotMine
            try:
                answer = await self._instances[task.target].call(
                    operation.method, operation.path_on_instance(own_id), body, _JSON, APPLY_TIMEOUT
                )
                trouble = f"{task.target} answered {answer.status}: {_words(answer)}"
                if answer.status == 404 and loop.time() < lost_for_good:
                    # Either the collection is deleted, or the target has lost it, and is about to get it anew.
                    if await connection.fetchval(statements.IS_DELETED, task.collection):
                        return answer
                elif not answer.is_failure:
                    return answer
            except Unreachable as error:
                trouble = f"{task.target}: {error}"
            await connection.execute(statements.NOTE_TROUBLE, task.id, self._id, trouble)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._settings.wal_sync_interval)

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
