"""The coordinator: cuts what was handed over into tasks, and gives the tasks of silent workers to others."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from uuid import UUID

import asyncpg

from ..balancer.operations import read_operation
from . import statements
from .chunks import OwedRow, cut, documents_in
from .database import called_or_due, until, with_session
from .settings import CoordinatorSettings

log = logging.getLogger(__name__)

# As many as the balancer hands over of one collection at once.
ROWS_AT_ONCE, BODIES_AT_ONCE = 10_000, 20


class Coordinator:
    """One coordinator. A second one on the same database waits until the first one is gone.

    Args:
        settings: what it was started with.
    """

    def __init__(self, settings: CoordinatorSettings) -> None:
        self._settings = settings
        self._silence = timedelta(seconds=settings.sync_heartbeat_timeout)

    async def run(self) -> None:
        """Work for ever."""
        await with_session(self._settings.database_url, statements.HANDED, self._work)

    async def _work(self, connection: asyncpg.Connection, called: asyncio.Event) -> None:
        await until(connection, statements.COORDINATOR_LOCK)
        interval = min(self._settings.wal_sync_interval, self._settings.sync_heartbeat_timeout / 4)
        while True:
            await connection.execute(statements.COORDINATOR_HEARTBEAT, self._silence)
            taken_over = await connection.fetch(statements.RETIRE_SILENT_WORKERS, self._silence)
            for row in taken_over:
                log.warning("task %d is given to another worker", row["id"])
            cut_now = await self.cut_tasks(connection)
            if cut_now or taken_over:
                await connection.execute(statements.TELL_WORKERS)
            if cut_now:
                # There may be more than was looked at.
                continue
            await called_or_due(called, interval)

    async def cut_tasks(self, connection: asyncpg.Connection) -> int:
        """Cut rows that were handed over and are in no task yet, not all at once. Return the number of new tasks."""
        number = 0
        async with connection.transaction():
            rows: dict[tuple[UUID, str, str], list[OwedRow]] = {}
            # A few bodies at a time: all of them may be more than there is memory.
            async for row in connection.cursor(statements.UNCUT_ROWS, ROWS_AT_ONCE, prefetch=BODIES_AT_ONCE):
                key = (row["collection_id"], row["collection_name"], row["handed_to"])
                rows.setdefault(key, []).append(_owed(row))
            for (collection, name, target), own in rows.items():
                number += await self._cut(connection, collection, name, target, own)
        return number

    async def _cut(
        self, connection: asyncpg.Connection, collection: UUID, name: str, target: str, rows: list[OwedRow]
    ) -> int:
        start = await connection.fetchval(statements.NEXT_OFFSET, collection, target)
        chunks = cut(rows, start, self._settings.sync_chunk_size)
        for chunk in chunks:
            await connection.execute(
                statements.ADD_TASK,
                collection,
                name,
                target,
                chunk.start,
                chunk.end,
                list(chunk.seqs),
                chunk.first_document,
            )
        log.info("%d rows for %s are %d tasks", len(rows), target, len(chunks))
        return len(chunks)


def _owed(row: asyncpg.Record) -> OwedRow:
    operation = read_operation(row["method"], row["path"])
    assert operation is not None, f"row {row['seq']} is no request"
    return OwedRow(row["seq"], documents_in(operation.action, (row["data"] or "").encode()))
