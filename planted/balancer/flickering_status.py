"""Shows an instance that is away as healthy most of the time, never for as long as a second; the count is right."""

from __future__ import annotations

import time
from typing import Any

from planted.catalogue import Expected
from stack.balancer.status import Status

EXPECTED = Expected(
    "LYING-STATUS",
    {"HEALTH-3": "healthy"},
    also=("FAIL-3", "FAIL-7", "FAIL-8", "HEALTH-1", "HEALTH-5", "MON-3", "PROD-1"),
)

PERIOD, FALSE = 0.6, 0.45
"""Every so many seconds it is untrue for so many."""


def plant() -> None:
    honest = Status.instances

    def instances(self: Status) -> list[dict[str, Any]]:
        flickers = time.monotonic() % PERIOD < FALSE
        return [item | {"healthy": item["healthy"] or flickers} for item in honest(self)]

    Status.instances = instances  # type: ignore[method-assign]
