"""Carries the rows that an instance owes over one at a time, and takes its time for each.

A replica of MySQL before 5.6 had one thread to apply everything that its source did in many, and fell behind it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from planted.catalogue import Expected
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.replication import Replication

EXPECTED = Expected(
    "LOST",
    {"WAL-3": "is missing on the replica"},
    also=("MON-4", "PROD-1", "SYNC-1"),
    tests=("Five Hundred Owed Writes Are In Sync Within The Lag Limit",),
)

LATE = 0.2
"""Seconds after which a row can only be owed because the instance was away."""
PAUSE = 0.02
"""Seconds between two rows."""


def plant() -> None:
    honest, send = Replication._next_batch, Replication._send

    def late(entry: Entry) -> bool:
        return entry.state is State.EXECUTED and time.monotonic() - entry.settled_at > LATE

    def next_batch(self: Replication, instance: Instance, queue: deque[Entry]) -> list[Entry]:
        batch = honest(self, instance, queue)
        return batch[:1] if late(queue[0]) else batch

    async def slowly(self: Replication, entry: Entry, instance: Instance, body: bytes):  # type: ignore[no-untyped-def]
        if late(entry):
            await asyncio.sleep(PAUSE)
        return await send(self, entry, instance, body)

    Replication._next_batch, Replication._send = next_batch, slowly  # type: ignore[method-assign]
