"""Keeps only the beginning of a request in its logs."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer import journal

EXPECTED = Expected(
    "MANGLED",
    {"TXN-1": "with another payload"},
    also=("TXN-3", "TXN-4", "LB-2", "WAL-5", "TXN-5", "MON-1", "MON-2", "SYNC-1", "SYNC-2", "SYNC-3"),
    tests=("Fifteen Writes At Once Are All Logged",),
)

MOST = 200


def plant() -> None:
    honest = journal._text

    def text(data: bytes) -> str | None:
        kept = honest(data)
        return kept and kept[:MOST]

    journal._text = text
