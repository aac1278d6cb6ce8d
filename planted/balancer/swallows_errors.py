"""Turns a refusal into a 200 with the error in its body."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.entries import Entry, Reply
from stack.balancer.writes import Writes

EXPECTED = Expected(
    "PROTOCOL", {"FAIL-9": "was answered with 200"}, also=("TXN-2", "TXN-5", "WAL-5", "PROD-1", "PROD-2")
)


def plant() -> None:
    honest = Writes._owed

    def owed(self: Writes, entry: Entry, reason: str) -> Reply:
        return Reply(200, honest(self, entry, reason).body)

    Writes._owed = owed  # type: ignore[method-assign]
