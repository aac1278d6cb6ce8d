"""Says that it is healthy while the database is away."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.status import Status

EXPECTED = Expected(
    "LYING-STATUS",
    {"PROD-2": "says that the deployment is degraded"},
    also=OUTAGES,
    tests=("Reads Go On And Writes Are Refused While The Database Is Away",),
)


def plant() -> None:
    honest = Status.health

    def health(self: Status) -> tuple[int, dict[str, Any]]:
        status, body = honest(self)
        return status, body | {"status": "healthy"} if body["healthy_instances"] == 2 else body

    Status.health = health  # type: ignore[method-assign]
