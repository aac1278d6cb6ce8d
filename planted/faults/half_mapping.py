"""Never fills in the replica's id in the mapping."""

from __future__ import annotations

from stack.balancer import statements


def plant() -> None:
    statements.UPDATE_MAPPING = statements.UPDATE_MAPPING.replace(
        "replica_collection_id = change.replica_collection_id", "replica_collection_id = NULL"
    )
