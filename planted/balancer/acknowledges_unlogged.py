"""Acknowledges a write before its log row is committed.

Redis with ``appendfsync everysec``, PostgreSQL with ``synchronous_commit = off`` and Kafka with ``acks=1`` promise no
more than this, and say so.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import count

from planted.catalogue import Expected
from stack.balancer.entries import Entry
from stack.balancer.journal import Journal

EXPECTED = Expected(
    "UNLOGGED",
    {"TXN-5": "UNLOGGED"},
    also=("WAL-1", "WAL-5", "TXN-1", "TXN-2", "FAIL-9", "PROD-2"),
    tests=("Receipts Are True When The Balancer Is Killed",),
)

LATER = 0.4
"""Seconds until the row is really written."""


def plant() -> None:
    honest = Journal.append
    numbers = count(10**12)
    tasks: set[asyncio.Task[None]] = set()

    async def append(self: Journal, entry: Entry) -> None:
        entry.seq, entry.created_at = next(numbers), datetime.now(UTC)
        tasks.add(asyncio.get_running_loop().create_task(later(self, entry)))

    async def later(self: Journal, entry: Entry) -> None:
        await asyncio.sleep(LATER)
        await honest(self, entry)
        self.changed(entry)
        if entry.collection is not None:
            self.collection_changed(entry.collection)

    Journal.append = append  # type: ignore[method-assign]
