"""Takes 25 ms more for every query."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from planted.catalogue import Expected
from stack.balancer.entries import Reply
from stack.balancer.operations import Operation
from stack.balancer.reads import Reads

EXPECTED = Expected(
    "TOO-SLOW", {"PROD-4": "queries/s"}, also=("LB-1", "DOC-1", "DOC-2"), tests=("One Client Queries Fast Enough",)
)

SECONDS = 0.025


def plant() -> None:
    honest = Reads.answer

    async def answer(self: Reads, operation: Operation, query: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        if operation.verb == "query":
            await asyncio.sleep(SECONDS)
        return await honest(self, operation, query, body, headers)

    Reads.answer = answer  # type: ignore[method-assign]
