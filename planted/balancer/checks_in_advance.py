"""Shows the last health check of each instance an hour later than it was, so that it never looks old."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.status import Status

EXPECTED = Expected("LYING-STATUS", {"HEALTH-1": "in the future", "HEALTH-3": "from now"}, also=OUTAGES)


def plant() -> None:
    honest = Status.instances

    def instances(self: Status) -> list[dict[str, Any]]:
        found = honest(self)
        for item in found:
            if item["last_health_check"]:
                item["last_health_check"] = (
                    datetime.fromisoformat(item["last_health_check"]) + timedelta(hours=1)
                ).isoformat()
        return found

    Status.instances = instances  # type: ignore[method-assign]
