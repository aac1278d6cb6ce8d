"""Writes two transactions for each write: what became of it, and once more that it failed."""

from __future__ import annotations

from uuid import uuid4

from planted.catalogue import Expected
from stack.balancer.entries import Reply
from stack.balancer.journal import Refusal
from stack.balancer.operations import DOCUMENT_WRITES, Operation
from stack.balancer.writes import Writes

# Whether the second one is there when all are counted, or only when each write is looked at, is chance.
EXPECTED = Expected(
    "DUPLICATED",
    {"TXN-3": " transactions "},
    also=("TXN-1", "TXN-2", "TXN-4", "TXN-5", "LB-2", "FAIL-9", "WAL-5", "PROD-2"),
)


def plant() -> None:
    honest = Writes.answer

    async def answer(self: Writes, operation: Operation, body: bytes, session: str | None) -> Reply:
        reply = await honest(self, operation, body, session)
        if operation.action in DOCUMENT_WRITES:
            again = Refusal(uuid4(), session, operation.method, operation.path, body, reply.status, "tried again")
            self._deployment.journal.refused(again)
        return reply

    Writes.answer = answer  # type: ignore[method-assign]
