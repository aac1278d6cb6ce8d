"""Logs another answer than the client was given."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import TRANSACTIONS
from stack.balancer.entries import Entry, Reply

EXPECTED = Expected(
    "FALSE-DENIAL", {"TXN-1": "is logged with 500"}, also=TRANSACTIONS, tests=("Fifteen Writes At Once Are All Logged",)
)


def plant() -> None:
    honest = Entry.answer

    def answer(self: Entry, reply: Reply) -> None:
        honest(self, reply)
        self.response_status = 500

    Entry.answer = answer  # type: ignore[method-assign]
