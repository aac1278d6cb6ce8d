"""Brings texts into another form of Unicode when they are carried over: they look the same, and are not.

Apple's HFS+ did so with names of files, and every program that compared them by bytes had to learn of it.
"""

from __future__ import annotations

import unicodedata

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import Replication

EXPECTED = Expected("MANGLED", {"DOC-5": "document text composed was added"}, also=CONTENTS)


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if entry.settled and entry.operation.action in DOCUMENT_WRITES:
            payload = orjson.loads(body)
            if payload.get("documents"):
                payload["documents"] = [text and unicodedata.normalize("NFC", text) for text in payload["documents"]]
                body = orjson.dumps(payload)
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
