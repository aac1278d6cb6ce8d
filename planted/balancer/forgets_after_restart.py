"""Does not take up after a restart what the log says is owed."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.journal import Journal

EXPECTED = Expected(
    "NOT-CONVERGED",
    {"WAL-5": "accounted for"},
    also=OUTAGES,
    tests=("What Was Logged And Not Executed Is Executed After A Restart",),
)


def plant() -> None:
    honest = Journal.load

    async def load(self: Journal) -> tuple[list[Any], list[Any]]:
        mappings, _ = await honest(self)
        return mappings, []

    Journal.load = load  # type: ignore[method-assign]
