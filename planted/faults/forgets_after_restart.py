"""Does not take up after a restart what the log says is owed."""

from __future__ import annotations

from typing import Any

from stack.balancer.journal import Journal


def plant() -> None:
    honest = Journal.load

    async def load(self: Journal) -> tuple[list[Any], list[Any]]:
        mappings, _ = await honest(self)
        return mappings, []

    Journal.load = load  # type: ignore[method-assign]
