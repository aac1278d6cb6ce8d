"""Forgets what it had still to write down when the log comes back."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.journal import Journal

EXPECTED = Expected(
    "UNLOGGED",
    {"TXN-5": "UNLOGGED"},
    also=("PROD-2", "TXN-1", "TXN-3"),
    tests=("Receipts Are True When The Log Itself Goes Away",),
)


def plant() -> None:
    honest = Journal._reconnect

    async def reconnect(self: Journal) -> None:
        self._dirty_entries.clear()
        self._refusals.clear()
        await honest(self)

    Journal._reconnect = reconnect  # type: ignore[method-assign]
