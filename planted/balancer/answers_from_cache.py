"""Answers a read of documents for some seconds from what it answered last time."""

from __future__ import annotations

import time
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
    also=("HEALTH-4", "LB-1", "PROD-1", *WORKLOADS),
    tests=("Nothing Stale Is Read While Instances Crash And Return",),
)

EXPIRES = 2.0
"""Seconds that an answer is kept."""


def plant() -> None:
    honest = Reads._documents
    kept: dict[tuple[str, str, bytes], tuple[float, Reply]] = {}

    async def documents(
        self: Reads, operation: Operation, collection: Collection, suffix: str, body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        key = operation.path, suffix, body
        since, reply = kept.get(key, (float("-inf"), None))
        if reply is None or time.monotonic() - since > EXPIRES:
            reply = await honest(self, operation, collection, suffix, body, headers)
            kept[key] = time.monotonic(), reply
        return reply

    Reads._documents = documents  # type: ignore[method-assign]
