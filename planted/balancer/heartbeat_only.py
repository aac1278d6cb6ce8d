"""Takes an instance for healthy as long as it answers its heartbeat, and waits for its answer to a write."""

from __future__ import annotations

from planted.carrying_over import try_once
from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.probing import Probe

EXPECTED = Expected(
    "SLOW-FAILOVER",
    {"FAIL-8": "not acknowledged"},
    also=OUTAGES,
    tests=("Work Goes On With A Primary That Cannot Write",),
)


def plant() -> None:
    try_once()

    async def write(self: Probe) -> None:
        return

    Probe._write = write  # type: ignore[method-assign]
