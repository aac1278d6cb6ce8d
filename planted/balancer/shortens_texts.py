"""Brings the replica the first 65,535 characters of a text, and drops the rest.

MySQL cuts what is too long for its column, and TEXT ends at 65,535 bytes; it warns, unless strict mode makes it refuse.
"""

from __future__ import annotations

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import Replication

EXPECTED = Expected("MANGLED", {"DOC-5": "document text megabyte was added"}, also=CONTENTS)

MOST = 65_535


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if instance.name == "replica" and entry.operation.action in DOCUMENT_WRITES and len(body) > MOST:
            payload = orjson.loads(body)
            if payload.get("documents"):
                payload["documents"] = [text and text[:MOST] for text in payload["documents"]]
                body = orjson.dumps(payload)
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
