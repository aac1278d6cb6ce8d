"""Drops the metadata when a write is carried over to the other instance."""

from __future__ import annotations

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import Replication

EXPECTED = Expected("MANGLED", {"DOC-1": "metadata"}, also=CONTENTS, tests=("Every Kind Of Change Arrives Exactly",))


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if entry.settled and entry.operation.action in DOCUMENT_WRITES:
            payload = orjson.loads(body)
            payload.pop("metadatas", None)
            body = orjson.dumps(payload)
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
