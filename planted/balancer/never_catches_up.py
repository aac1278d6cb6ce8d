"""Marks what an instance owes as applied when it returns, without applying it."""

from __future__ import annotations

import time
from collections import deque

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected("LOST", {"FAIL-6": "on the primary"}, also=OUTAGES)

LATE = 0.2
"""Seconds after which a row can only be owed because the instance was away."""


def plant() -> None:
    honest = Replication._skip

    def skip(self: Replication, lane: Lane, instance: Instance, queue: deque[Entry]) -> bool:
        entry = queue[0]
        late = entry.state is State.EXECUTED and time.monotonic() - entry.settled_at > LATE
        if instance.healthy and late:
            queue.popleft()
            self._applied_here(lane, entry, instance)
            return True
        return honest(self, lane, instance, queue)

    Replication._skip = skip  # type: ignore[method-assign]
