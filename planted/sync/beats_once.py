"""A worker reports once, and is never heard again; nobody minds."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import SYNC_WORKERS
from stack.sync import statements

EXPECTED = Expected("LYING-STATUS", {"SYNC-3": "heartbeat"}, also=SYNC_WORKERS, tests=("Workers Are Heard",))


def plant() -> None:
    statements.HEARTBEAT = statements.HEARTBEAT.replace("last_heartbeat = excluded.last_heartbeat,", "")
    statements.RETIRE_SILENT_WORKERS = "SELECT id FROM sync_tasks WHERE $1::interval IS NULL"
