"""Carries over the text and the metadata of what is written anew, and leaves the embedding as it was."""

from __future__ import annotations

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import Action
from stack.balancer.replication import Replication

EXPECTED = Expected("ROLLED-BACK", {"DOC-1": "has an earlier content"}, also=CONTENTS)


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if entry.settled and entry.operation.action is Action.UPDATE:
            payload = orjson.loads(body)
            body = orjson.dumps(payload | {"embeddings": None})
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
