"""Deletes the documents of every collection whose name begins as that of a collection that is deleted."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import Action
from stack.balancer.replication import _JSON, APPLY_TIMEOUT, Replication

EXPECTED = Expected("COLLATERAL", {"PROD-6": "was changed on"}, also=("MAP-4", "MAP-5", "PROD-5", "PROD-8"))


def plant() -> None:
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        answer = await honest(self, entry, instance, body)
        deleted = entry.collection
        if entry.operation.action is Action.DELETE_COLLECTION and deleted is not None:
            stem = deleted.name.split("-")[0]
            for other in self._catalog.in_database(deleted.tenant, deleted.database):
                own = other.ids.get(instance.name)
                if own and other is not deleted and other.name.startswith(stem):
                    path = f"{entry.operation.quoted_path.rsplit('/', 1)[0]}/{own}/delete"
                    everything = b'{"where":{"number":{"$gte":0}}}'
                    await instance.call("POST", path, everything, _JSON, APPLY_TIMEOUT)
        return answer

    Replication._send = send  # type: ignore[method-assign]
