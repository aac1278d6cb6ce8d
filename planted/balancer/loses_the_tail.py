"""Carries writes over most of a second later, and drops what was still on its way when the instance that has it goes.

A MongoDB primary that goes away before its last writes are replicated rolls them back when it returns; so whoever
asked for less than the majority's acknowledgement loses what was acknowledged.
"""

from __future__ import annotations

from collections import deque

from planted.carrying_over import try_once
from planted.catalogue import Expected
from planted.reach import RETURNS, WORKLOADS
from stack.balancer import replication
from stack.balancer.deployment import Deployment
from stack.balancer.entries import Entry, State
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import Lane, Replication

# A workload would soon write again what is lost, and chance decides what it sees of it before that.
EXPECTED = Expected(
    "LOST",
    {"FAIL-1": "is missing"},
    also=(*RETURNS, *WORKLOADS),
    tests=("A Crash Of The Primary In The Middle Of A Burst Loses Nothing",),
)

BEHIND = 0.8
"""Seconds that an instance is behind the other one."""


def plant() -> None:
    try_once()
    replication.GATHER = BEHIND
    honest_change, honest_skip = Deployment._health_changed, Replication._skip
    dropped: dict[str, set[Entry]] = {}

    def health_changed(self: Deployment, instance: Instance) -> None:
        if not instance.trusted:
            for lane in self.replication._lanes.values():
                for name, queue in lane.queues.items():
                    tail = (e for e in queue if e.state is State.EXECUTED and e.executed_on == instance.name)
                    # An instance without the collection would refuse all that comes later, too.
                    dropped.setdefault(name, set()).update(e for e in tail if e.operation.action in DOCUMENT_WRITES)
        honest_change(self, instance)

    def skip(self: Replication, lane: Lane, instance: Instance, queue: deque[Entry]) -> bool:
        if queue[0] not in dropped.get(instance.name, ()):
            return honest_skip(self, lane, instance, queue)
        self._applied_here(lane, queue.popleft(), instance)
        return True

    Deployment._health_changed = health_changed  # type: ignore[method-assign]
    Replication._skip = skip  # type: ignore[method-assign]
