"""Takes an instance for healthy as long as it answers its heartbeat, and waits for its answer to a write."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer import replication
from stack.balancer.probing import Probe

EXPECTED = Expected(
    "SLOW-FAILOVER",
    {"FAIL-8": "not acknowledged"},
    also=OUTAGES,
    tests=("Work Goes On With A Primary That Cannot Write",),
)

NEVER = 60.0
"""Seconds for which the preferred instance is waited for."""


def plant() -> None:
    replication.HEDGE = NEVER

    async def write(self: Probe) -> None:
        return

    Probe._write = write  # type: ignore[method-assign]
