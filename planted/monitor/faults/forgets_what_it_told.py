"""Knows nothing of what it told before it was started again."""

from __future__ import annotations

from stack.monitor.memory import Memory, Remembered


def plant() -> None:
    Memory.recall = lambda self: Remembered()  # type: ignore[method-assign]
