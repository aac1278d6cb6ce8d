"""Does not delete a collection on an instance that was away."""

from __future__ import annotations

import time
from collections import deque

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.operations import Action
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected(
    "RESURRECTED",
    {"MAP-4": "it is there on the replica"},
    also=OUTAGES,
    tests=("A Collection Deleted During An Outage Stays Deleted",),
)

LATE = 0.08
"""Seconds after which a row can only be owed because the instance was away."""


def plant() -> None:
    honest = Replication._skip

    def skip(self: Replication, lane: Lane, instance: Instance, queue: deque[Entry]) -> bool:
        entry = queue[0]
        late = entry.state is State.EXECUTED and time.monotonic() - entry.settled_at > LATE
        if instance.healthy and late and entry.operation.action is Action.DELETE_COLLECTION:
            queue.popleft()
            self._applied_here(lane, entry, instance)
            return True
        return honest(self, lane, instance, queue)

    Replication._skip = skip  # type: ignore[method-assign]
