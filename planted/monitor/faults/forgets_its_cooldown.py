"""Repeats each recommendation at every measurement."""

from __future__ import annotations

from stack.monitor import monitor


def plant() -> None:
    monitor.is_due = lambda *given: True  # type: ignore[attr-defined]
