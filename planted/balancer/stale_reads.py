"""Lets an instance that returns serve reads before it has caught up."""

from __future__ import annotations

import time

from planted.catalogue import Expected
from planted.reach import RETURNS
from stack.balancer.replication import Replication

EXPECTED = Expected(
    "STALE", {"FAIL-10": "were stale"}, also=RETURNS, tests=("Nothing Stale Is Read While Instances Crash And Return",)
)

LATE = 0.2
"""Seconds after which a row can only be owed because the instance was away."""


def plant() -> None:
    honest = Replication.in_line

    def in_line(self: Replication, instance: str, key: str) -> bool:
        lane = self._lanes.get(key)
        if lane is None or honest(self, instance, key):
            return True
        now = time.monotonic()
        return any(entry.settled_at and now - entry.settled_at > LATE for entry in lane.owed[instance])

    Replication.in_line = in_line  # type: ignore[method-assign]
