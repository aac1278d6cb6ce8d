"""Drops the URIs of documents when a write is carried over to the other instance."""

from __future__ import annotations

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import Replication

EXPECTED = Expected("MANGLED", {"DOC-5": "uri is null"}, also=CONTENTS)


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if entry.settled and entry.operation.action in DOCUMENT_WRITES:
            payload = orjson.loads(body)
            payload.pop("uris", None)
            body = orjson.dumps(payload)
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
