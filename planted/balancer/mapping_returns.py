"""Writes the mapping row of a deleted collection again, a second after it was removed."""

from __future__ import annotations

import asyncio
from uuid import UUID

from planted.catalogue import Expected
from planted.reach import WORKLOADS
from stack.balancer.deployment import Deployment
from stack.balancer.entries import Entry
from stack.balancer.operations import Action

EXPECTED = Expected(
    "BAD-MAPPING",
    {"MAP-4": "mapping row of the deleted collection"},
    also=("MAP-5", *WORKLOADS),
    tests=("A Deleted Collection Is Gone And Stays Gone",),
)

LATER = 1.0
INSERT = """
INSERT INTO collection_id_mapping (collection_id, collection_name, tenant, database, lane)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (collection_id) DO NOTHING"""


def plant() -> None:
    honest = Deployment.admit
    tasks: set[asyncio.Task[None]] = set()

    def admit(self: Deployment, entry: Entry) -> None:
        honest(self, entry)
        if entry.operation.action is Action.DELETE_COLLECTION:
            tasks.add(asyncio.get_running_loop().create_task(again(self, entry)))

    async def again(self: Deployment, entry: Entry) -> None:
        await asyncio.sleep(LATER)
        collection, pool = entry.collection, self.journal._pool
        if collection is not None and pool is not None:
            key = (UUID(collection.id), collection.qualified_name, collection.tenant, collection.database)
            await pool.execute(INSERT, *key, collection.lane)

    Deployment.admit = admit  # type: ignore[method-assign]
