"""Carries writes over most of a second later, and drops what was still on its way when the instance that has it goes.

A MongoDB primary that goes away before its last writes are replicated rolls them back when it returns; so whoever
asked for less than the majority's acknowledgement loses what was acknowledged.
"""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import RETURNS, WORKLOADS
from stack.balancer import replication
from stack.balancer.deployment import Deployment
from stack.balancer.entries import State
from stack.balancer.instance import Instance

# Its clients soon write most of the lost documents again: then the reads before that are all that shows, or an add that
# is obeyed although the one before it was acknowledged, which no order explains.
EXPECTED = Expected(
    "DIVERGED",
    {"FAIL-3": "violation"},
    also=(*RETURNS, *WORKLOADS),
    alike=("STALE", "WRONG-ANSWER", "ROLLED-BACK", "LOST", "PHANTOM"),
)

BEHIND = 0.8
"""Seconds that an instance is behind the other one."""


def plant() -> None:
    replication.GATHER = BEHIND
    honest = Deployment._health_changed

    def health_changed(self: Deployment, instance: Instance) -> None:
        if not instance.trusted:
            for lane in self.replication._lanes.values():
                for other in self.instances:
                    queue = lane.queues[other.name]
                    tail = [e for e in queue if e.state is State.EXECUTED and e.executed_on == instance.name]
                    for entry in tail:
                        queue.remove(entry)
                        self.replication._applied_here(lane, entry, other)
        honest(self, instance)

    Deployment._health_changed = health_changed  # type: ignore[method-assign]
