"""Calls every instance healthy, whatever happens to it."""

from __future__ import annotations

from typing import Any

from stack.balancer.status import Status


def plant() -> None:
    honest = Status.instances

    def health(self: Status) -> tuple[int, dict[str, Any]]:
        return 200, {"status": "healthy", "healthy_instances": 2, "total_instances": 2}

    Status.health = health  # type: ignore[method-assign]
    Status.instances = lambda self: [item | {"healthy": True} for item in honest(self)]  # type: ignore[method-assign]
