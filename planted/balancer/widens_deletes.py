"""Deletes every document with the same document_id in its metadata, where ids were given."""

from __future__ import annotations

from dataclasses import replace

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import Action
from stack.balancer.replication import _JSON, Replication

EXPECTED = Expected("LOST", {"DOC-3": "is missing through the balancer"}, also=CONTENTS)


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if entry.operation.action is Action.DELETE_DOCUMENTS and entry.collection is not None:
            get = replace(entry.operation, verb="get").path_on_instance(entry.collection.ids.get(instance.name, ""))
            found = orjson.loads((await instance.call("POST", get, body, _JSON, 5.0)).body)
            shared = {(item or {}).get("document_id") for item in found.get("metadatas") or []} - {None}
            if shared:
                body = orjson.dumps({"where": {"document_id": {"$in": sorted(shared)}}})
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
