"""Writes down that an instance has applied a row, and only then applies it.

etcd 3.5.0 to 3.5.2 could save how far it had applied before what it had applied: a member that was killed in between
skipped it for ever.
"""

from __future__ import annotations

import asyncio
from collections import deque

from planted.catalogue import Expected
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected("LOST", {"WAL-1": "is missing on the replica"}, also=("WAL-2", "WAL-5", "TXN-5"))

BETWEEN = 1.0
"""Seconds between the mark and the deed."""


def plant() -> None:
    honest = Replication._apply_next

    async def apply_next(self: Replication, lane: Lane, instance: Instance, queue: deque[Entry]) -> bool:
        early = [entry for entry in self._next_batch(instance, queue) if entry.state is State.EXECUTED]
        for entry in early:
            entry.applied.add(instance.name)
            self._journal.changed(entry)
        if early:
            await asyncio.sleep(BETWEEN)
        return await honest(self, lane, instance, queue)

    Replication._apply_next = apply_next  # type: ignore[method-assign]
