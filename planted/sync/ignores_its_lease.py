"""A worker that was frozen goes on with its task, without asking whether it is still its own.

A client that pauses, and then writes although its lease has run out, is the example that Martin Kleppmann gives against
locks without fencing tokens; HBase had the mistake, he says.
"""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import SYNC_WORKERS
from stack.sync import statements

EXPECTED = Expected(
    "RESURRECTED",
    {"SYNC-3": "is present on the replica"},
    also=SYNC_WORKERS,
    tests=("A Frozen Worker Spoils Nothing When It Goes On",),
)


def plant() -> None:
    statements.STILL_MINE = "SELECT 1 WHERE $1::bigint IS NOT NULL AND $2::text IS NOT NULL"
