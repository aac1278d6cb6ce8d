"""Calls an instance unhealthy after a single failed check, whatever the threshold is."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.instance import Instance

EXPECTED = Expected(
    "IGNORED-SETTING",
    {"HEALTH-5": "made the primary unhealthy"},
    also=OUTAGES,
    tests=("A Missed Check Alone Changes Nothing",),
)


def plant() -> None:
    honest = Instance.failed

    def failed(self: Instance, reason: str, **kind: Any) -> None:
        self._threshold = 1
        honest(self, reason, **kind)

    Instance.failed = failed  # type: ignore[method-assign]
