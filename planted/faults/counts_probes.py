"""Counts health probes as requests."""

from __future__ import annotations

from stack.balancer.instance import Instance


def plant() -> None:
    honest = Instance.succeeded

    def succeeded(self: Instance, *, probe: bool = False, read: bool = False) -> None:
        self.request_count += probe
        honest(self, probe=probe, read=read)

    Instance.succeeded = succeeded  # type: ignore[method-assign]
