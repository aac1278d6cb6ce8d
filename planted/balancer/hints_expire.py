"""Forgets what an instance owes for longer than a moment, and calls it synced.

Cassandra keeps hints for a node that is away for three hours by default; who stays away longer has to be repaired by
hand, and nothing says so to a reader.
"""

from __future__ import annotations

import time
from collections import deque

from planted.catalogue import Expected
from planted.reach import RETURNS
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected("LOST", {"WAL-2": "is missing on the replica"}, also=RETURNS)

WINDOW = 0.5
"""Seconds that a row is kept for an instance that is away."""


def plant() -> None:
    honest = Replication._skip

    def skip(self: Replication, lane: Lane, instance: Instance, queue: deque[Entry]) -> bool:
        entry = queue[0]
        expired = entry.state is State.EXECUTED and time.monotonic() - entry.settled_at > WINDOW
        if instance.healthy and expired and entry.operation.action in DOCUMENT_WRITES:
            queue.popleft()
            self._applied_here(lane, entry, instance)
            return True
        return honest(self, lane, instance, queue)

    Replication._skip = skip  # type: ignore[method-assign]
