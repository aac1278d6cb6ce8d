"""What the monitor keeps in PostgreSQL: measurements and recommendations. All of its SQL is here.

Each statement has a deadline, and a connection that failed is never used again: a database that is away, or frozen,
costs one measurement and nothing more.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from .advice import Kind, Measured, Recommendation, Urgency
from .prices import recommended_before

STATEMENT_SECONDS = 5.0
UNUSABLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What says that the database can't be used now."""

_log = logging.getLogger(__name__)

# What is older than every owed row is final. Rows are counted once each, as the mark moves on.
_MARK = """
SELECT coalesce(
    (SELECT min(seq) - 1 FROM unified_wal_writes WHERE status IN ('pending', 'executed')),
    (SELECT max(seq) FROM unified_wal_writes),
    0)
"""
# A deletion by a condition names no documents, so it counts none. PostgreSQL can't look into JSON that has a NUL
# somewhere; another character in its place changes no number.
_SYNCED = r"""
SELECT coalesce(sum(CASE json_typeof(body -> 'ids') WHEN 'array' THEN json_array_length(body -> 'ids') END), 0)
FROM (
    SELECT replace(data, '\u0000', '\u0001')::json AS body FROM unified_wal_writes
    WHERE seq > $1 AND seq <= $2 AND status = 'synced' AND path ~ '/(add|upsert|update|delete)$'
) AS final
"""
_SYNC_TIME = """
SELECT avg(extract(epoch FROM synced_at - executed_at))::float8
FROM (SELECT synced_at, executed_at FROM unified_wal_writes ORDER BY seq DESC LIMIT 1000) AS newest
"""
_METRICS = """
INSERT INTO performance_metrics (metric_timestamp, memory_usage_mb, memory_percent, cpu_percent, active_collections,
    total_documents_synced, avg_sync_time_seconds)
VALUES (clock_timestamp(), $1, $2, $3, (SELECT count(*) FROM collection_id_mapping), $4, $5)
"""
_RECOMMENDATION = """
INSERT INTO upgrade_recommendations (recommendation_type, current_usage, recommended_tier, estimated_monthly_cost,
    reason, urgency, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_GIVEN = """
SELECT recommendation_type, current_usage, recommended_tier, estimated_monthly_cost, reason, urgency, created_at
FROM upgrade_recommendations WHERE created_at > $1 ORDER BY created_at
"""


@dataclass
class _Synced:
    """How many documents were synced in the log up to a ``seq``."""

    mark: int = 0
    documents: int = 0


class Store:
    """The database.

    Args:
        dsn: a postgresql:// URL.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None
        self._synced = _Synced()

    async def write_metrics(self, seen: Measured) -> None:
        """Write one row of measurements.

        Raises:
            UNUSABLE: the database can't be used now.
        """
        async with asyncio.timeout(STATEMENT_SECONDS):
            connection = await self._connected()
            mark = max(await self._ask(connection.fetchval(_MARK)), self._synced.mark)
            documents = await self._ask(_documents(connection, self._synced.mark, mark))
            self._synced = _Synced(mark, self._synced.documents + documents)
            seconds = await self._ask(connection.fetchval(_SYNC_TIME))
            values = (round(seen.memory_mb, 3), round(seen.memory_percent, 3), round(seen.cpu_percent, 3))
            await self._ask(connection.execute(_METRICS, *values, self._synced.documents, seconds))

    async def write_recommendation(self, wanted: Recommendation, at: datetime) -> None:
        """Write one recommendation.

        Raises:
            UNUSABLE: the database can't be used now.
        """
        async with asyncio.timeout(STATEMENT_SECONDS):
            connection = await self._connected()
            usage, cost = round(wanted.current_usage, 3), wanted.monthly_cost
            values = (wanted.kind.value, usage, wanted.tier.name, cost, wanted.reason, wanted.urgency.word, at)
            await self._ask(connection.execute(_RECOMMENDATION, *values))

    async def given(self, since: datetime) -> list[tuple[Recommendation, datetime]]:
        """Return what was recommended since a time, each with when that was, oldest first.

        Raises:
            UNUSABLE: the database can't be used now.
        """
        async with asyncio.timeout(STATEMENT_SECONDS):
            connection = await self._connected()
            rows = await self._ask(connection.fetch(_GIVEN, since))
        return [(_recommendation(row), row["created_at"]) for row in rows]

    async def close(self) -> None:
        """Disconnect."""
        self._drop()

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await asyncpg.connect(
                    self._dsn, timeout=STATEMENT_SECONDS, server_settings={"application_name": "monitor"}
                )
            except ValueError:
                # Its words repeat a part of the address.
                raise asyncpg.InterfaceError("the driver can't read the database's address") from None
        return self._connection

    async def _ask(self, question: Any) -> Any:
        try:
            return await question
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError, asyncpg.InterfaceError):
                connection.terminate()


async def _documents(connection: Any, after: int, until: int) -> int:
    """Return how many documents the synced rows after a ``seq``, up to another one, name.

    A row that can't be read counts none. It is found by halves, so that it stops neither the count nor the rows beside
    it.
    """
    if after >= until:
        return 0
    try:
        return int(await connection.fetchval(_SYNCED, after, until))
    except asyncpg.DataError as error:
        if until - after == 1:
            _log.warning("the documents of row %d of the log can't be counted: %s", until, type(error).__name__)
            return 0
    middle = (after + until) // 2
    return await _documents(connection, after, middle) + await _documents(connection, middle, until)


def _recommendation(row: Any) -> Recommendation:
    return Recommendation(
        Kind(row["recommendation_type"]),
        row["current_usage"],
        recommended_before(row["recommended_tier"], row["estimated_monthly_cost"]),
        row["reason"],
        Urgency[row["urgency"].upper()],
    )
