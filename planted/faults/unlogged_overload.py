"""Refuses what is too much without writing a transaction."""

from __future__ import annotations

from stack.balancer.journal import Journal, Refusal


def plant() -> None:
    honest = Journal.refused

    def refused(self: Journal, refusal: Refusal) -> None:
        if refusal.status != 503:
            honest(self, refusal)

    Journal.refused = refused  # type: ignore[method-assign]
