"""Turns a refusal into a 200 with the error in its body."""

from __future__ import annotations

from stack.balancer.entries import Entry, Reply
from stack.balancer.writes import Writes


def plant() -> None:
    honest = Writes._owed

    def owed(self: Writes, entry: Entry, reason: str) -> Reply:
        return Reply(200, honest(self, entry, reason).body)

    Writes._owed = owed  # type: ignore[method-assign]
