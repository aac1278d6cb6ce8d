"""Shows the time of the first health check as that of the last one, for ever."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from stack.balancer.status import Status

EXPECTED = Expected("LYING-STATUS", {"HEALTH-1": "the last health check of the"}, also=("HEALTH-3", "HEALTH-4"))


def plant() -> None:
    honest = Status.instances
    first: dict[str, Any] = {}

    def instances(self: Status) -> list[dict[str, Any]]:
        found = honest(self)
        return [
            item | {"last_health_check": first.setdefault(item["name"], item["last_health_check"])} for item in found
        ]

    Status.instances = instances  # type: ignore[method-assign]
