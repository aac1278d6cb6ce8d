"""Creates a collection on the second instance with the usual configuration, whatever was asked for."""

from __future__ import annotations

from dataclasses import replace

import orjson

from planted.catalogue import Expected
from planted.reach import WORKLOADS
from stack.balancer.catalog import Collection
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.replication import Replication

EXPECTED = Expected("MANGLED", {"MAP-1": "hnsw.space"}, also=WORKLOADS)


def plant() -> None:
    honest = Replication._create

    async def create(self: Replication, entry: Entry, collection: Collection, instance: Instance) -> Answer:
        if collection.ids:
            payload = orjson.loads(entry.data)
            for name in ("configuration", "schema"):
                payload.pop(name, None)
            entry = replace(entry, data=orjson.dumps(payload))
        return await honest(self, entry, collection, instance)

    Replication._create = create  # type: ignore[method-assign]
