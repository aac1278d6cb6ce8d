"""Acknowledges every tenth write without carrying it out while an instance is away."""

from __future__ import annotations

from itertools import count

from planted.catalogue import Expected
from planted.reach import RETURNS
from stack.balancer.entries import Reply
from stack.balancer.operations import DOCUMENT_WRITES, Operation
from stack.balancer.writes import Writes

EXPECTED = Expected(
    "BLIND-GAUGE",
    {"WAL-3": "At least 500 owed writes"},
    also=RETURNS,
    tests=("Five Hundred Owed Writes Are In Sync Within The Lag Limit",),
)


def plant() -> None:
    honest = Writes.answer
    numbers = count(1)

    async def answer(self: Writes, operation: Operation, body: bytes, session: str | None) -> Reply:
        away = self._deployment.healthy_instances < 2
        if away and operation.action in DOCUMENT_WRITES and next(numbers) % 10 == 0:
            return Reply(201, b"{}")
        return await honest(self, operation, body, session)

    Writes.answer = answer  # type: ignore[method-assign]
