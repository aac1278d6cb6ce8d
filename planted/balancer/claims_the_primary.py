"""Logs that the primary has executed a write, whoever did."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from stack.balancer.entries import Entry
from stack.balancer.journal import Journal

EXPECTED = Expected(
    red={"FAIL-1": "executed on the replica"},
    also=("FAIL-7", "FAIL-8", "SYNC-4"),
    tests=("Work Goes On Without The Primary",),
)


def plant() -> None:
    honest = Journal._entry_columns

    def entry_columns(self: Journal, entries: list[Entry]) -> tuple[list[list[Any]], list[list[Any]]]:
        rows, transactions = honest(self, entries)
        rows[2] = [place and "primary" for place in rows[2]]
        return rows, transactions

    Journal._entry_columns = entry_columns  # type: ignore[method-assign]
