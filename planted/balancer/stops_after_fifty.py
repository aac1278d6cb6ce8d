"""Carries the first fifty rows of a collection over to an instance that was away, and no more."""

from __future__ import annotations

import time
from collections import Counter, deque

from planted.catalogue import Expected
from planted.reach import WORKLOADS
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected(
    "LOST",
    {"WAL-3": "is missing on the replica"},
    also=("MON-4", "PROD-1", "SYNC-1", "SYNC-2", "SYNC-3", *WORKLOADS),
    tests=("Five Hundred Owed Writes Are In Sync Within The Lag Limit",),
)

LATE = 0.2
"""Seconds after which a row can only be owed because the instance was away."""
MOST = 50


def plant() -> None:
    honest, every = Replication._apply_next, Replication._next_batch
    done: Counter[tuple[str, str]] = Counter()

    def late(entry: Entry) -> bool:
        return entry.state is State.EXECUTED and time.monotonic() - entry.settled_at > LATE

    def next_batch(self: Replication, instance: Instance, queue: deque[Entry]) -> list[Entry]:
        batch = every(self, instance, queue)
        return batch[: max(1, MOST - done[queue[0].lane, instance.name])] if late(queue[0]) else batch

    async def apply_next(self: Replication, lane: Lane, instance: Instance, queue: deque[Entry]) -> bool:
        was_late, before = late(queue[0]), len(queue)
        if was_late and done[lane.key, instance.name] >= MOST:
            return False
        worked = await honest(self, lane, instance, queue)
        if was_late and worked:
            done[lane.key, instance.name] += before - len(queue)
        return worked

    Replication._apply_next, Replication._next_batch = apply_next, next_batch  # type: ignore[method-assign]
