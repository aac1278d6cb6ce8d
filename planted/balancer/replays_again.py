"""Replays what an instance owed a second time, a few seconds after it has caught up."""

from __future__ import annotations

import asyncio
import time

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.entries import Entry
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected(
    "DIVERGED",
    {"WAL-4": "DIVERGED"},
    also=OUTAGES,
    tests=("Writes Are Replayed In Their Order",),
)

LATE, AGAIN = 0.5, 2.5
"""Seconds after which a row can only be owed because the instance was away; and until the second replay."""


def plant() -> None:
    honest = Replication._applied_here
    tasks: set[asyncio.Task[None]] = set()

    def applied_here(self: Replication, lane: Lane, entry: Entry, instance: Instance) -> None:
        honest(self, lane, entry, instance)
        late = time.monotonic() - entry.settled_at > LATE
        if late and entry.operation.action in DOCUMENT_WRITES:
            tasks.add(asyncio.get_running_loop().create_task(again(self, entry, instance)))

    async def again(self: Replication, entry: Entry, instance: Instance) -> None:
        await asyncio.sleep(AGAIN)
        await self._send(entry, instance, entry.data)

    Replication._applied_here = applied_here  # type: ignore[method-assign]
