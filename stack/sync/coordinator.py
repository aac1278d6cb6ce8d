"""The coordinator: cuts what was handed over into tasks, and gives the tasks of silent workers to others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from uuid import UUID

import asyncpg

from ..balancer.operations import read_operation
from . import statements
from .chunks import OwedRow, cut, documents_in
from .database import called_or_due, until, with_session
from .settings import CoordinatorSettings

log = logging.getLogger(__name__)


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
            taken_over = await connection.fetch(statements.RETIRE_SILENT_WORKERS, self._silence)
            for row in taken_over:
                log.warning("task %d is given to another worker", row["id"])
            if await self.cut_tasks(connection) or taken_over:
                await connection.execute(statements.TELL_WORKERS)
            await called_or_due(called, interval)

    async def cut_tasks(self, connection: asyncpg.Connection) -> int:
        """Cut every row that was handed over and is in no task yet. Return the number of new tasks."""
        number = 0
        async with connection.transaction():
            rows = await connection.fetch(statements.UNCUT_ROWS)
            for (collection, target), own in groupby(rows, key=lambda row: (row["collection_id"], row["handed_to"])):
                number += await self._cut(connection, collection, target, list(own))
        return number

    async def _cut(
        self, connection: asyncpg.Connection, collection: UUID, target: str, rows: list[asyncpg.Record]
    ) -> int:
        start = await connection.fetchval(statements.NEXT_OFFSET, collection, target)
        chunks = cut(list(_owed(rows)), start, self._settings.sync_chunk_size)
        for chunk in chunks:
            await connection.execute(
                statements.ADD_TASK,
                collection,
                rows[0]["collection_name"],
                target,
                chunk.start,
                chunk.end,
                list(chunk.seqs),
                chunk.first_document,
            )
        log.info("%d rows for %s are %d tasks", len(rows), target, len(chunks))
        return len(chunks)


def _owed(rows: Iterable[asyncpg.Record]) -> Iterable[OwedRow]:
    for row in rows:
        operation = read_operation(row["method"], row["path"])
        assert operation is not None, f"row {row['seq']} is no request"
        yield OwedRow(row["seq"], documents_in(operation.action, (row["data"] or "").encode()))
