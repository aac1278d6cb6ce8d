"""Refuses what is too much without writing a transaction."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import TRANSACTIONS
from stack.balancer.journal import Journal, Refusal

EXPECTED = Expected(
    "UNLOGGED",
    {"TXN-2": "0 transactions", "LB-2": "0 transactions"},
    also=TRANSACTIONS,
    tests=(
        "At The Limit And Ten More",
        "Each Refusal Under Overload Has A Row And No Effect",
    ),
)


def plant() -> None:
    honest = Journal.refused

    def refused(self: Journal, refusal: Refusal) -> None:
        if refusal.status != 503:
            honest(self, refusal)

    Journal.refused = refused  # type: ignore[method-assign]
