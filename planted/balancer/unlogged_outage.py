"""Refuses writes without a log row while no instance is there."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.entries import Reply
from stack.balancer.operations import Operation
from stack.balancer.replies import error
from stack.balancer.writes import Writes

EXPECTED = Expected(
    "UNLOGGED",
    {"FAIL-9": "0 transactions", "TXN-5": "UNLOGGED"},
    also=OUTAGES,
    tests=("Receipts Are True When Both Instances Go Away", "Writes Are Refused, Logged, And Accounted For"),
)


def plant() -> None:
    honest = Writes.answer

    async def answer(self: Writes, operation: Operation, body: bytes, session: str | None) -> Reply:
        if not self._deployment.healthy_instances:
            return error(503, "ServiceUnavailable", "no instance is available")
        return await honest(self, operation, body, session)

    Writes.answer = answer  # type: ignore[method-assign]
