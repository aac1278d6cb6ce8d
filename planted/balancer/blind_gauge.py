"""Shows that nothing is owed, always."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.status import Status

EXPECTED = Expected("BLIND-GAUGE", {"WAL-2": "/status"}, also=OUTAGES)


def plant() -> None:
    honest = Status.write_ahead_log

    def write_ahead_log(self: Status) -> dict[str, Any]:
        return honest(self) | {"pending_writes": 0, "oldest_pending_seconds": 0.0}

    Status.write_ahead_log = write_ahead_log  # type: ignore[method-assign]
