"""Goes on calling a dead worker active, and leaves its task to it."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import SYNC_WORKERS
from stack.sync import statements

EXPECTED = Expected(
    "LYING-STATUS",
    {"SYNC-3": "is not called active"},
    also=SYNC_WORKERS,
    tests=("A Killed Worker Is Noticed And Its Task Taken Over",),
)


def plant() -> None:
    statements.RETIRE_SILENT_WORKERS = "SELECT id FROM sync_tasks WHERE $1::interval IS NULL"
