"""Repeats each recommendation at every measurement."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.monitor import monitor

EXPECTED = Expected(
    "WRONG-ADVICE", {"MON-3": "cooldown"}, tests=("A Recommendation Is Not Repeated Within Its Cooldown",)
)


def plant() -> None:
    monitor.is_due = lambda *given: True  # type: ignore[attr-defined]
