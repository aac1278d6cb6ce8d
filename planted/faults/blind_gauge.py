"""Shows that nothing is owed, always."""

from __future__ import annotations

from typing import Any

from stack.balancer.status import Status


def plant() -> None:
    honest = Status.write_ahead_log

    def write_ahead_log(self: Status) -> dict[str, Any]:
        return honest(self) | {"pending_writes": 0, "oldest_pending_seconds": 0.0}

    Status.write_ahead_log = write_ahead_log  # type: ignore[method-assign]
