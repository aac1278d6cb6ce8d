"""Calls every instance healthy, whatever happens to it."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.status import Status

EXPECTED = Expected("LYING-STATUS", {"HEALTH-1": "last seen"}, also=OUTAGES)


def plant() -> None:
    honest = Status.instances

    def health(self: Status) -> tuple[int, dict[str, Any]]:
        return 200, {"status": "healthy", "healthy_instances": 2, "total_instances": 2}

    Status.health = health  # type: ignore[method-assign]
    Status.instances = lambda self: [item | {"healthy": True} for item in honest(self)]  # type: ignore[method-assign]
