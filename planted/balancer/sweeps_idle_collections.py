"""Takes a document out of each collection that nothing is owed of, when an instance returns."""

from __future__ import annotations

import orjson

from planted.catalogue import Expected
from planted.reach import RETURNS, WORKLOADS
from stack.balancer.copies import collections_path, json_of
from stack.balancer.instance import Instance
from stack.balancer.refill import READ_TIMEOUT, Refill
from stack.balancer.replication import _JSON

EXPECTED = Expected("LOST", {"FAIL-5": "is missing on the primary"}, also=(*RETURNS, *WORKLOADS))


def plant() -> None:
    honest = Refill.verify

    async def verify(self: Refill, instance: Instance) -> None:
        await honest(self, instance)
        for collection in list(self._catalog):
            owed = not self._replication.in_line(instance.name, collection.lane)
            if owed or instance.name not in collection.ids:
                continue
            path = f"{collections_path(collection.tenant, collection.database)}/{collection.ids[instance.name]}"
            ask = orjson.dumps({"include": [], "limit": 1})
            found = json_of(await instance.probe("POST", f"{path}/get", ask, _JSON, READ_TIMEOUT))
            if found["ids"]:
                swept = orjson.dumps({"ids": found["ids"]})
                await instance.probe("POST", f"{path}/delete", swept, _JSON, READ_TIMEOUT)

    Refill.verify = verify  # type: ignore[method-assign]
