"""Refuses every second write while an instance is away."""

from __future__ import annotations

from itertools import count

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.entries import Reply
from stack.balancer.operations import DOCUMENT_WRITES, Operation
from stack.balancer.replies import error
from stack.balancer.writes import Writes

EXPECTED = Expected("SLOW-FAILOVER", {"FAIL-3": "last failing request began"}, also=OUTAGES)


def plant() -> None:
    honest = Writes.answer
    numbers = count(1)

    async def answer(self: Writes, operation: Operation, body: bytes, session: str | None) -> Reply:
        away = self._deployment.healthy_instances < 2
        if away and operation.action in DOCUMENT_WRITES and next(numbers) % 2:
            refusal = error(503, "ServiceUnavailable", "failing over", {"x-effect": "none"})
            return self.refuse(operation, body, session, refusal)
        return await honest(self, operation, body, session)

    Writes.answer = answer  # type: ignore[method-assign]
