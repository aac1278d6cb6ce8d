"""Acknowledges and logs deletes of documents, and never executes them."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import Action
from stack.balancer.replication import Replication

EXPECTED = Expected(
    "RESURRECTED",
    {"DOC-3": "is present through the balancer"},
    also=CONTENTS,
    tests=("Deleting By A Condition Deletes Exactly Those",),
)


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if entry.operation.action is Action.DELETE_DOCUMENTS:
            return Answer(200, b'{"deleted":1}', {"content-type": "application/json"})
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
