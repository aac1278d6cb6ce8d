"""Logs a transaction as completed before anything was executed."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.entries import Entry, State

EXPECTED = Expected("FALSE-RECEIPT", {"FAIL-9": "is logged as COMPLETED"}, also=OUTAGES)


def plant() -> None:
    honest = Entry.transaction_status
    assert isinstance(honest, property)

    def status(self: Entry) -> str:
        return "COMPLETED" if self.state is State.PENDING else str(honest.__get__(self))

    Entry.transaction_status = property(status)
