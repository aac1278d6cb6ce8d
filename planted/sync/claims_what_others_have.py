"""A worker also claims tasks that another one is at."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.sync import statements

EXPECTED = Expected(
    red={"SYNC-3": "its retry_count is 0"},
    also=("SYNC-2",),
    tests=("A Killed Worker Is Noticed And Its Task Taken Over",),
)


def plant() -> None:
    statements.CLAIM_TASK = statements.CLAIM_TASK.replace(
        "WHERE task_status = 'pending' AND NOT EXISTS", "WHERE task_status IN ('pending', 'processing') AND NOT EXISTS"
    )
