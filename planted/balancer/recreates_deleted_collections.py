"""Creates a collection again, empty, on an instance that was away while it was deleted."""

from __future__ import annotations

import time

import orjson

from planted.catalogue import Expected
from planted.reach import WORKLOADS
from stack.balancer.entries import Entry, State
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import Action
from stack.balancer.replication import _JSON, APPLY_TIMEOUT, Replication

EXPECTED = Expected(
    "RESURRECTED",
    {"MAP-4": "it is there on the replica"},
    also=("MAP-5", *WORKLOADS),
    tests=("A Collection Deleted During An Outage Stays Deleted",),
)

LATE = 0.08
"""Seconds after which a row can only be owed because the instance was away."""


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        answer = await honest(self, entry, instance, body)
        late = entry.state is State.EXECUTED and time.monotonic() - entry.settled_at > LATE
        if late and entry.operation.action is Action.DELETE_COLLECTION and entry.collection is not None:
            path = entry.operation.quoted_path.rpartition("/")[0]
            again = orjson.dumps({"name": entry.collection.name, "get_or_create": True})
            await instance.call("POST", path, again, _JSON, APPLY_TIMEOUT)
        return answer

    Replication._send = send  # type: ignore[method-assign]
