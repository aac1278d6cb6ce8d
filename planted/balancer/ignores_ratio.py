"""Sends every read to the primary, whatever share of them the replica should have."""

from __future__ import annotations

from collections.abc import Sequence

from planted.catalogue import Expected
from stack.balancer.instance import Instance
from stack.balancer.routing import Router

EXPECTED = Expected(
    "IGNORED-SETTING",
    {"LB-1": "0 of 200 reads"},
    also=("HEALTH-4", "PROD-1"),
    tests=("Reads Are Shared As Configured",),
)


def plant() -> None:
    def choose(self: Router, candidates: Sequence[Instance]) -> Instance:
        return candidates[0]

    Router.choose = choose  # type: ignore[method-assign]
