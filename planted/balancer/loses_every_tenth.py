"""Acknowledges every tenth write without carrying it out."""

from __future__ import annotations

from itertools import count

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Reply
from stack.balancer.operations import DOCUMENT_WRITES, Operation
from stack.balancer.writes import Writes

# Of documents that nobody writes again: a workload would, and chance decides what it sees before that.
EXPECTED = Expected(
    "LOST",
    {"TXN-4": "is missing"},
    also=("TXN-1", "TXN-3", *CONTENTS),
    tests=("Thirty Clients Change Documents At Once",),
)


def plant() -> None:
    honest = Writes.answer
    numbers = count(1)

    async def answer(self: Writes, operation: Operation, body: bytes, session: str | None) -> Reply:
        if operation.action in DOCUMENT_WRITES and next(numbers) % 10 == 0:
            return Reply(201, b"{}")
        return await honest(self, operation, body, session)

    Writes.answer = answer  # type: ignore[method-assign]
