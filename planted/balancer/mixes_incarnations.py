"""Carries what was in a deleted collection over into the one that was created in its place."""

from __future__ import annotations

from collections import defaultdict, deque

from planted.catalogue import Expected
from planted.reach import WORKLOADS
from stack.balancer.catalog import Key
from stack.balancer.entries import Entry, State
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES, Action
from stack.balancer.replication import _JSON, APPLY_TIMEOUT, Lane, Replication

EXPECTED = Expected("PHANTOM", {"MAP-5": "is present on the replica"}, also=WORKLOADS)


def plant() -> None:
    honest, honest_skip = Replication._send, Replication._skip
    kept: defaultdict[tuple[str, Key], list[Entry]] = defaultdict(list)

    def skip(self: Replication, lane: Lane, instance: Instance, queue: deque[Entry]) -> bool:
        entry, collection = queue[0], queue[0].collection
        written = entry.state is State.EXECUTED and entry.operation.action in DOCUMENT_WRITES
        if collection is not None and collection.deleted and written:
            kept[instance.name, collection.key].append(entry)
        return honest_skip(self, lane, instance, queue)

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        answer = await honest(self, entry, instance, body)
        collection = entry.collection
        if entry.operation.action is Action.CREATE_COLLECTION and collection is not None and answer.status < 400:
            for old in kept.pop((instance.name, collection.key), []):
                path = old.operation.path_on_instance(collection.ids[instance.name])
                await instance.call("POST", path, old.data, _JSON, APPLY_TIMEOUT)
        return answer

    Replication._send, Replication._skip = send, skip  # type: ignore[method-assign]
