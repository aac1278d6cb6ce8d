"""Takes what owes nothing for equal: what changes on one instance behind the log is never noticed."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.drift import Drift

EXPECTED = Expected(
    "PHANTOM",
    {"SYNC-1": "is present on the replica, and nobody wrote it"},
    tests=("What The Replica Loses, Changes Or Makes Up Is Put Right Again",),
)


def plant() -> None:
    async def run(self: Drift) -> None:
        """Compare nothing."""

    Drift.run = run  # type: ignore[method-assign]
