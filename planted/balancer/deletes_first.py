"""Carries deletes over before all else to an instance that was away."""

from __future__ import annotations

import time

from planted.catalogue import Expected
from planted.reach import RETURNS
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES, Action
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected("RESURRECTED", {"WAL-4": "RESURRECTED"}, also=RETURNS)

LATE = 0.2
"""Seconds after which a row can only be owed because the instance was away."""


def plant() -> None:
    honest = Replication._turn

    async def turn(self: Replication, lane: Lane, instance: Instance, entry: Entry) -> None:
        await honest(self, lane, instance, entry)
        queue, now = lane.queues[instance.name], time.monotonic()
        late = [e for e in queue if e.state is State.EXECUTED and now - e.settled_at > LATE]
        if all(e.operation.action in DOCUMENT_WRITES for e in late):
            rest = [e for e in queue if e not in late]
            queue.clear()
            queue.extend(sorted(late, key=lambda e: e.operation.action is not Action.DELETE_DOCUMENTS) + rest)

    Replication._turn = turn  # type: ignore[method-assign]
