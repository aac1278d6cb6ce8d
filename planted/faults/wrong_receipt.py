"""Logs another answer than the client was given."""

from __future__ import annotations

from stack.balancer.entries import Entry, Reply


def plant() -> None:
    honest = Entry.answer

    def answer(self: Entry, reply: Reply) -> None:
        honest(self, reply)
        self.response_status = 500

    Entry.answer = answer  # type: ignore[method-assign]
