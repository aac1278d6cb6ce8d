"""Appends each added document to the write-ahead log twice.

A producer of Kafka whose acknowledgement got lost sends its record again, and the log has it twice, unless the producer
is an idempotent one.
"""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.entries import Entry
from stack.balancer.journal import Journal
from stack.balancer.operations import Action

EXPECTED = Expected(red={"WAL-1": "40 rows"}, also=("FAIL-1", "FAIL-7", "FAIL-8", "MON-1"))

_AGAIN = """
INSERT INTO unified_wal_writes (write_id, method, path, data, collection_name, collection_id, lane, status, executed_at,
    synced_at)
SELECT gen_random_uuid(), method, path, data, collection_name, collection_id, lane, 'synced', clock_timestamp(),
    clock_timestamp()
FROM unified_wal_writes WHERE write_id = $1"""


def plant() -> None:
    honest = Journal.append

    async def append(self: Journal, entry: Entry) -> None:
        await honest(self, entry)
        if entry.operation.action is Action.ADD and self._pool is not None:
            await self._pool.execute(_AGAIN, entry.id)

    Journal.append = append  # type: ignore[method-assign]
