"""Refuses what is too much without a word about its effect, or about when to come back."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import TRANSACTIONS
from stack.balancer.entries import Reply
from stack.balancer.operations import Operation
from stack.balancer.writes import Writes

EXPECTED = Expected(red={"LB-2": "was refused without saying that it had no effect"}, also=TRANSACTIONS)


def plant() -> None:
    honest = Writes.refuse

    def refuse(self: Writes, operation: Operation, body: bytes, session: str | None, reply: Reply) -> Reply:
        refusal = honest(self, operation, body, session, reply)
        return Reply(refusal.status, refusal.body) if refusal.status == 503 else refusal

    Writes.refuse = refuse  # type: ignore[method-assign]
