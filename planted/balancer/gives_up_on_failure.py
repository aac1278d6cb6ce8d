"""Marks a row as synced when carrying it over fails because the instance goes away."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import RETURNS
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.replication import Replication

EXPECTED = Expected(
    "LOST",
    {"FAIL-2": "is missing on the replica"},
    also=RETURNS,
    tests=("A Crash Of The Replica In The Middle Of A Burst Loses Nothing",),
)


def plant() -> None:
    honest = Replication._failed

    def failed(self: Replication, entries: list[Entry], instance: Instance, reason: str, *, broken: bool) -> None:
        honest(self, entries, instance, reason, broken=broken)
        for entry in entries:
            lane = self._lanes[entry.lane]
            if broken and entry.state is State.EXECUTED and entry in lane.queues[instance.name]:
                lane.queues[instance.name].remove(entry)
                self._applied_here(lane, entry, instance)

    Replication._failed = failed  # type: ignore[method-assign]
