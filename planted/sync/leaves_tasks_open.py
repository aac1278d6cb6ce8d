"""Carries tasks out, and leaves the last one of each collection at work."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import SYNC_WORKERS
from stack.sync import statements

EXPECTED = Expected("STUCK", {"SYNC-2": "has ended"}, also=SYNC_WORKERS)


def plant() -> None:
    statements.COMPLETE_TASK = statements.COMPLETE_TASK.rstrip() + (
        " AND EXISTS (SELECT 1 FROM sync_tasks AS later WHERE later.collection_id = sync_tasks.collection_id"
        " AND later.id > sync_tasks.id)"
    )
