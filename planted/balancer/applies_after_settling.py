"""Calls a row done on an instance, in the log and in every gauge, two seconds before it is sent there."""

from __future__ import annotations

import asyncio
from collections import deque

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected(
    "LOST",
    {"WAL-1": "is missing on the replica"},
    also=("TXN-1", *CONTENTS),
)

LATER = 2.0
"""Seconds from the word to the deed."""


def plant() -> None:
    honest = Replication._skip
    tasks: set[asyncio.Task[None]] = set()

    def skip(self: Replication, lane: Lane, instance: Instance, queue: deque[Entry]) -> bool:
        entry = queue[0]
        if instance.healthy and entry.state is State.EXECUTED and entry.operation.action in DOCUMENT_WRITES:
            queue.popleft()
            self._applied_here(lane, entry, instance)
            tasks.add(asyncio.get_running_loop().create_task(later(self, entry, instance)))
            return True
        return honest(self, lane, instance, queue)

    async def later(self: Replication, entry: Entry, instance: Instance) -> None:
        await asyncio.sleep(LATER)
        await self._send(entry, instance, entry.data)

    Replication._skip = skip  # type: ignore[method-assign]
