"""Acknowledges what it can't read, as if it had been done."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.entries import Reply
from stack.balancer.operations import Operation
from stack.balancer.writes import Writes

EXPECTED = Expected(
    "PROTOCOL",
    {"PROD-2": "malformed JSON was answered with 201"},
    also=("DOC-1", "MAP-1", "MAP-3", "TXN-1"),
    tests=("Bad Requests Are Refused And Change Nothing",),
)


def plant() -> None:
    honest = Writes.refuse

    def refuse(self: Writes, operation: Operation, body: bytes, session: str | None, reply: Reply) -> Reply:
        refused = honest(self, operation, body, session, reply)
        return Reply(201, b"true") if refused.status in (400, 422) else refused

    Writes.refuse = refuse  # type: ignore[method-assign]
