"""Calls an instance unhealthy after a single failed check, whatever the threshold is."""

from __future__ import annotations

from typing import Any

from stack.balancer.instance import Instance


def plant() -> None:
    honest = Instance.failed

    def failed(self: Instance, reason: str, **kind: Any) -> None:
        self._threshold = 1
        honest(self, reason, **kind)

    Instance.failed = failed  # type: ignore[method-assign]
