"""Never fills in the replica's id in the mapping."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer import statements

EXPECTED = Expected("BAD-MAPPING", {"MAP-1": "mapping"}, also=("MAP-2", "MAP-4", "MAP-5", "WAL-5", "FAIL-5", "PROD-5"))


def plant() -> None:
    statements.UPDATE_MAPPING = statements.UPDATE_MAPPING.replace(
        "replica_collection_id = change.replica_collection_id", "replica_collection_id = NULL"
    )
