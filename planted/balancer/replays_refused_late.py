"""Logs a refused write as failed for good, and carries it out some time after the return, out of its order."""

from __future__ import annotations

import asyncio

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.entries import Entry, Reply, State
from stack.balancer.writes import Writes

EXPECTED = Expected(
    "FALSE-DENIAL", {"TXN-5": "FALSE-DENIAL"}, also=OUTAGES, tests=("Receipts Are True When Both Instances Go Away",)
)

LATER = 4.0


def plant() -> None:
    honest = Writes._owed
    tasks: set[asyncio.Task[None]] = set()

    def owed(self: Writes, entry: Entry, reason: str) -> Reply:
        reply = honest(self, entry, reason)
        lane = self._deployment.replication.lane(entry.lane)
        for queue in lane.queues.values():
            if entry in queue:
                queue.remove(entry)
        tasks.add(asyncio.get_running_loop().create_task(later(self, entry)))
        return reply

    async def later(self: Writes, entry: Entry) -> None:
        while self._deployment.healthy_instances < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        await asyncio.sleep(LATER)
        self._deployment.replication.enqueue(entry)

    Writes._owed = owed  # type: ignore[method-assign]
    told = Entry.transaction_status
    assert isinstance(told, property)

    def status(self: Entry) -> str:
        return "FAILED" if self.refused and self.state is State.PENDING else str(told.__get__(self))

    Entry.transaction_status = property(status)
