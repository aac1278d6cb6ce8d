"""Carries an add over as an upsert, so that an add of ids that are there overwrites them on the other instance."""

from __future__ import annotations

from dataclasses import replace

from planted.carrying_over import try_once
from planted.catalogue import Expected
from planted.reach import WORKLOADS
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import Action
from stack.balancer.replication import _JSON, APPLY_TIMEOUT, Replication

EXPECTED = Expected("MANGLED", {"DOC-1": "and differs"}, also=WORKLOADS)


def plant() -> None:
    try_once()
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if entry.settled and entry.operation.action is Action.ADD and entry.collection is not None:
            operation = replace(entry.operation, verb="upsert")
            path = operation.path_on_instance(entry.collection.ids[instance.name])
            return await instance.call("POST", path, body, _JSON, APPLY_TIMEOUT)
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
