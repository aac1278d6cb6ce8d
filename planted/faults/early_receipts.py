"""Logs a transaction as completed before anything was executed."""

from __future__ import annotations

from stack.balancer.entries import Entry, State


def plant() -> None:
    honest = Entry.transaction_status
    assert isinstance(honest, property)

    def status(self: Entry) -> str:
        return "COMPLETED" if self.state is State.PENDING else str(honest.__get__(self))

    Entry.transaction_status = property(status)
