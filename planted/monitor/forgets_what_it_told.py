"""Knows nothing of what it told before it was started again."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.monitor.memory import Memory, Remembered

EXPECTED = Expected(
    "ALERT-DUPLICATE",
    {"MON-3": "2 alerts about the replica, and 1 due"},
    tests=("A Monitor That Is Killed In An Outage Tells Nothing Twice",),
)


def plant() -> None:
    Memory.recall = lambda self: Remembered()  # type: ignore[method-assign]
