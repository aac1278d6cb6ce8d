"""Carries an update over to the other instance as if what it leaves out were empty.

A replica that is sent the columns of a row that a statement did not name is how partial updates wiped values in
statement-based replication.
"""

from __future__ import annotations

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import Action
from stack.balancer.replication import Replication

EXPECTED = Expected("MANGLED", {"DOC-1": "differs"}, also=CONTENTS)


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if entry.settled and entry.operation.action is Action.UPDATE:
            payload = orjson.loads(body)
            payload["documents"] = payload.get("documents") or [""] * len(payload["ids"])
            body = orjson.dumps(payload)
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
