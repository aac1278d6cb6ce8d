"""Shows how much is owed, and that none of it is older than this moment."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.status import Status

EXPECTED = Expected("BLIND-GAUGE", {"WAL-2": "oldest"}, also=OUTAGES)


def plant() -> None:
    honest = Status.write_ahead_log

    def write_ahead_log(self: Status) -> dict[str, Any]:
        return honest(self) | {"oldest_pending_seconds": 0.0}

    Status.write_ahead_log = write_ahead_log  # type: ignore[method-assign]
