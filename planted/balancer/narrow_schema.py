"""Creates its tables without time zones, and one of them without a column."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer import journal, statements

EXPECTED = Expected("BAD-SCHEMA", {"MON-5": "timestamp without time zone"})


def plant() -> None:
    narrow = statements.SCHEMA.replace("timestamptz", "timestamp")
    narrow = narrow.replace("    reason                 text NOT NULL,\n", "")
    for module in (journal, statements):
        if hasattr(module, "SCHEMA"):
            module.SCHEMA = narrow  # type: ignore[attr-defined]
