"""Says that sync workers are at work, whatever SYNC_MODE is."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.status import Status

EXPECTED = Expected("IGNORED-SETTING", {"SYNC-4": "instead of traditional"}, also=("PROD-1",))


def plant() -> None:
    honest = Status.load_balancer
    Status.load_balancer = lambda self: honest(self) | {"mode": "distributed"}  # type: ignore[method-assign]
