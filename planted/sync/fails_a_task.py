"""Calls the last task of each collection failed, although all of it has arrived."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.sync import statements

EXPECTED = Expected("STUCK", {"SYNC-2": "is failed"}, also=("SYNC-1", "SYNC-3"))


def plant() -> None:
    later = (
        "EXISTS (SELECT 1 FROM sync_tasks AS later WHERE later.collection_id = sync_tasks.collection_id"
        " AND later.id > sync_tasks.id)"
    )
    statements.COMPLETE_TASK = statements.COMPLETE_TASK.replace(
        "'completed'", f"CASE WHEN {later} THEN 'completed' ELSE 'failed' END", 1
    )
