"""Counts health probes as requests."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.instance import Instance

EXPECTED = Expected("MISCOUNTED", {"HEALTH-4": "moved the request counters"}, also=("LB-1", "PROD-1"))


def plant() -> None:
    honest = Instance.succeeded

    def succeeded(self: Instance, *, probe: bool = False, read: bool = False) -> None:
        self.request_count += probe
        honest(self, probe=probe, read=read)

    Instance.succeeded = succeeded  # type: ignore[method-assign]
