"""Turns each whole number in the metadata into a fraction when a write is carried over: 1 becomes 1.0."""

from __future__ import annotations

from typing import Any

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import Replication

EXPECTED = Expected(
    "MANGLED", {"DOC-1": "instead of 1"}, also=CONTENTS, tests=("Every Kind Of Change Arrives Exactly",)
)


def _fractions(metadata: dict[str, Any] | None) -> dict[str, Any] | None:
    if metadata is None:
        return None
    return {name: float(value) if type(value) is int else value for name, value in metadata.items()}


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if entry.settled and entry.operation.action in DOCUMENT_WRITES:
            payload = orjson.loads(body)
            if payload.get("metadatas"):
                payload["metadatas"] = [_fractions(metadata) for metadata in payload["metadatas"]]
                body = orjson.dumps(payload)
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
