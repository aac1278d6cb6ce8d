"""Says of a write that it will be applied later that it had no effect."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.entries import Entry, Reply
from stack.balancer.writes import _NO_EFFECT, Writes

EXPECTED = Expected("PHANTOM", {"FAIL-9": "differs on the primary"}, also=("TXN-2", "TXN-5", "WAL-5", "PROD-2"))


def plant() -> None:
    honest = Writes._owed

    def owed(self: Writes, entry: Entry, reason: str) -> Reply:
        reply = honest(self, entry, reason)
        return Reply(reply.status, reply.body, reply.headers | _NO_EFFECT)

    Writes._owed = owed  # type: ignore[method-assign]
