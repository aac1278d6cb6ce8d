"""Goes on calling a dead worker active, and leaves its task to it."""

from __future__ import annotations

from stack.sync import statements


def plant() -> None:
    statements.RETIRE_SILENT_WORKERS = "SELECT id FROM sync_tasks WHERE $1::interval IS NULL"
