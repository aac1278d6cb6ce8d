"""Carries tasks out, and leaves the last one of each collection at work."""

from __future__ import annotations

from stack.sync import statements


def plant() -> None:
    statements.COMPLETE_TASK = statements.COMPLETE_TASK.rstrip() + (
        " AND EXISTS (SELECT 1 FROM sync_tasks AS later WHERE later.collection_id = sync_tasks.collection_id"
        " AND later.id > sync_tasks.id)"
    )
