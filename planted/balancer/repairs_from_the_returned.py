"""Copies what an instance that returns has, and the other one lacks, to the other one: also what was deleted there.

Repair by comparison can't tell what was deleted here from what was added there. It is how deleted data came back in
Cassandra, and why Weaviate makes one choose how its repair treats deletions.
"""

from __future__ import annotations

import orjson

from planted.catalogue import Expected
from planted.reach import RETURNS
from stack.balancer.catalog import Collection
from stack.balancer.copies import collections_path, json_of
from stack.balancer.instance import Instance
from stack.balancer.refill import READ_TIMEOUT, Refill
from stack.balancer.replication import _JSON

EXPECTED = Expected("RESURRECTED", {"FAIL-5": "is present on the replica"}, also=RETURNS)


def plant() -> None:
    honest = Refill.verify

    async def documents(instance: Instance, collection: Collection) -> tuple[str, dict[str, list[object]]]:
        path = f"{collections_path(collection.tenant, collection.database)}/{collection.ids[instance.name]}"
        body = orjson.dumps({"include": ["documents", "metadatas", "embeddings"]})
        found = json_of(await instance.probe("POST", f"{path}/get", body, _JSON, READ_TIMEOUT))
        rows = zip(found["ids"], found["documents"], found["metadatas"], found["embeddings"], strict=True)
        return path, {row[0]: list(row) for row in rows}

    async def verify(self: Refill, instance: Instance) -> None:
        await honest(self, instance)
        others = [one for one in self._instances if one is not instance and one.healthy]
        for other in others:
            for collection in list(self._catalog):
                if {instance.name, other.name} <= collection.ids.keys():
                    _, mine = await documents(instance, collection)
                    path, theirs = await documents(other, collection)
                    lacking = [row for id, row in mine.items() if id not in theirs]
                    if lacking:
                        names = ("ids", "documents", "metadatas", "embeddings")
                        body = orjson.dumps(dict(zip(names, zip(*lacking, strict=True), strict=True)))
                        await other.probe("POST", f"{path}/add", body, _JSON, READ_TIMEOUT)

    Refill.verify = verify  # type: ignore[method-assign]
