"""Carries over only the first hundred rows of what an instance owes when it returns."""

from __future__ import annotations

import time

from planted.catalogue import Expected
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected(
    "LOST",
    {"WAL-3": "is missing on the replica"},
    also=("SYNC-1", "SYNC-2", "SYNC-3"),
    tests=("Five Hundred Owed Writes Are In Sync Within The Lag Limit",),
)

LATE = 0.2
"""Seconds after which a row can only be owed because the instance was away."""
PAGE = 100


def plant() -> None:
    honest = Replication._turn

    async def turn(self: Replication, lane: Lane, instance: Instance, entry: Entry) -> None:
        await honest(self, lane, instance, entry)
        queue, now = lane.queues[instance.name], time.monotonic()
        late = [e for e in queue if e.state is State.EXECUTED and now - e.settled_at > LATE]
        for beyond in late[PAGE:]:
            queue.remove(beyond)
            self._applied_here(lane, beyond, instance)

    Replication._turn = turn  # type: ignore[method-assign]
