"""Lets in every request, however many wait already."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.app import Gateway
from stack.balancer.deployment import Deployment

EXPECTED = Expected(
    red={"PROD-1": "0 refused"},
    also=("LB-2", "TXN-2"),
    tests=("The Limit And The Queue Decide How Many Requests Are Let In",),
)


def plant() -> None:
    honest = Gateway.__init__

    def begin(self: Gateway, deployment: Deployment) -> None:
        honest(self, deployment)
        self._queue = 10**9

    Gateway.__init__ = begin  # type: ignore[method-assign]
