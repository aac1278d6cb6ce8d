"""Lets any instance that is well answer queries, also one that has not caught up; other reads are right.

Milvus answers a search with bounded staleness unless it is asked for more, so that what was just inserted is not found.
"""

from __future__ import annotations

from collections.abc import Mapping

from planted.catalogue import Expected
from planted.reach import WORKLOADS
from stack.balancer.catalog import Collection
from stack.balancer.entries import Reply
from stack.balancer.operations import Operation
from stack.balancer.reads import Reads

EXPECTED = Expected(
    "STALE",
    {"FAIL-10": "were stale"},
    also=WORKLOADS,
    tests=("Nothing Stale Is Read While Instances Crash And Return",),
)


def plant() -> None:
    honest = Reads._documents

    async def documents(
        self: Reads, operation: Operation, collection: Collection, suffix: str, body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        if operation.verb != "query":
            return await honest(self, operation, collection, suffix, body, headers)
        return await self._ask(
            lambda instance: instance.name in collection.ids,
            lambda instance: operation.path_on_instance(collection.ids[instance.name]) + suffix,
            operation.method,
            body,
            headers,
            known=True,
        )

    Reads._documents = documents  # type: ignore[method-assign]
