"""Answers a read that no instance can answer with nothing found."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from planted.catalogue import Expected
from planted.reach import WORKLOADS
from stack.balancer.catalog import Collection
from stack.balancer.entries import Reply
from stack.balancer.operations import Operation
from stack.balancer.reads import Reads

EXPECTED = Expected(
    "WRONG-ANSWER",
    {"TXN-5": "WRONG-ANSWER"},
    also=("FAIL-9", "FAIL-10", "LB-2", "MAP-3", "PROD-1", *WORKLOADS),
    tests=("Receipts Are True When Both Instances Go Away",),
)

_NOTHING: dict[str, list[object]] = {"ids": [], "documents": [], "metadatas": [], "embeddings": [], "distances": []}


def plant() -> None:
    honest = Reads._documents

    async def documents(
        self: Reads, operation: Operation, collection: Collection, suffix: str, body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        reply = await honest(self, operation, collection, suffix, body, headers)
        if reply.status < 500:
            return reply
        return Reply(200, b"0" if operation.verb == "count" else orjson.dumps(_NOTHING))

    Reads._documents = documents  # type: ignore[method-assign]
