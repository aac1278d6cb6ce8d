"""Reads from the primary alone, and shows the reads as if they were shared as configured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from planted.catalogue import Expected
from stack.balancer.instance import Instance
from stack.balancer.routing import Router
from stack.balancer.status import Status

EXPECTED = Expected(
    "MISCOUNTED",
    {"LB-1": "the documents themselves tell"},
    also=("HEALTH-4", "PROD-1", "HEALTH-3"),
    tests=("Reads Are Shared As Configured",),
)


def plant() -> None:
    honest, shown = Router.choose, Status.instances
    claimed: list[Instance] = []

    def choose(self: Router, candidates: Sequence[Instance]) -> Instance:
        claimed.append(honest(self, candidates))
        return candidates[0]

    def instances(self: Status) -> list[dict[str, Any]]:
        primary, replica = self._deployment.instances
        moved = claimed.count(replica) if replica.healthy else 0
        claimed.clear()
        primary.request_count, replica.request_count = primary.request_count - moved, replica.request_count + moved
        return shown(self)

    Router.choose, Status.instances = choose, instances  # type: ignore[method-assign]
