"""Zeroes the embeddings when a write is carried over to the other instance."""

from __future__ import annotations

import base64

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import Replication

EXPECTED = Expected(
    "MANGLED",
    {"DOC-1": "differs on the replica: embedding"},
    also=CONTENTS,
    tests=("Every Kind Of Change Arrives Exactly",),
)


def _zero(vector: object) -> object:
    if isinstance(vector, str):
        return base64.b64encode(bytes(len(base64.b64decode(vector)))).decode()
    return [0.0] * len(vector) if isinstance(vector, list) else vector


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if entry.settled and entry.operation.action in DOCUMENT_WRITES:
            payload = orjson.loads(body)
            if payload.get("embeddings"):
                payload["embeddings"] = [_zero(vector) for vector in payload["embeddings"]]
                body = orjson.dumps(payload)
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
