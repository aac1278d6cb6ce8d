"""A worker reports once, and is never heard again; nobody minds."""

from __future__ import annotations

from stack.sync import statements


def plant() -> None:
    statements.HEARTBEAT = statements.HEARTBEAT.replace("last_heartbeat = excluded.last_heartbeat,", "")
    statements.RETIRE_SILENT_WORKERS = "SELECT id FROM sync_tasks WHERE $1::interval IS NULL"
