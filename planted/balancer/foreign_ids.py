"""Uses the id that a collection has on the primary when a write is carried over to the replica."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import _JSON, APPLY_TIMEOUT, Replication

EXPECTED = Expected(
    "LOST", {"DOC-1": "is missing on the replica"}, also=CONTENTS, tests=("Every Kind Of Change Arrives Exactly",)
)


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        operation = entry.operation
        if instance.name == "replica" and entry.collection is not None and operation.action in DOCUMENT_WRITES:
            path = operation.path_on_instance(entry.collection.ids["primary"])
            return await instance.call(operation.method, path, body, _JSON, APPLY_TIMEOUT)
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
