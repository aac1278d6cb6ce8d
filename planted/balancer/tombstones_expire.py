"""Forgets a deletion that an instance has not heard of for a moment, so that what was deleted comes back with it.

Cassandra throws tombstones away after ``gc_grace_seconds``: what was deleted comes back from a node that was away for
longer. Its documentation calls such data zombies.
"""

from __future__ import annotations

import time
from collections import deque

from planted.catalogue import Expected
from planted.reach import RETURNS
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.operations import Action
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected("RESURRECTED", {"FAIL-5": "is present on the primary"}, also=RETURNS)

GRACE = 0.3
"""Seconds that a deletion is remembered for an instance that is away."""


def plant() -> None:
    honest = Replication._skip

    def skip(self: Replication, lane: Lane, instance: Instance, queue: deque[Entry]) -> bool:
        entry = queue[0]
        expired = entry.state is State.EXECUTED and time.monotonic() - entry.settled_at > GRACE
        if instance.healthy and expired and entry.operation.action is Action.DELETE_DOCUMENTS:
            queue.popleft()
            self._applied_here(lane, entry, instance)
            return True
        return honest(self, lane, instance, queue)

    Replication._skip = skip  # type: ignore[method-assign]
