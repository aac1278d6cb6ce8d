"""Does not take an upsert for a write: one instance gets it, and the log does not."""

from __future__ import annotations

from collections.abc import Mapping

from planted.catalogue import Expected
from planted.reach import WORKLOADS
from stack.balancer.app import Gateway
from stack.balancer.entries import Reply
from stack.balancer.operations import Action, Operation
from stack.balancer.replication import _JSON, APPLY_TIMEOUT

# The instances are looked at, each by itself: through the balancer chance decides whether there is one answer or two.
EXPECTED = Expected(
    "LOST",
    {"SYNC-1": "was upserted"},
    also=("DOC-1", "TXN-1", "TXN-2", "FAIL-9", "PROD-2", *WORKLOADS),
    tests=("What The Replica Loses, Changes Or Makes Up Is Put Right Again",),
)


def plant() -> None:
    honest = Gateway._answer

    async def answer(
        self: Gateway, operation: Operation, query: str, headers: Mapping[str, str], body: bytes, session: str | None
    ) -> Reply:
        deployment = self._writes._deployment
        collection = deployment.catalog.by_id(operation.reference)
        healthy = [one for one in deployment.instances if one.healthy]
        if operation.action is not Action.UPSERT or collection is None or not healthy:
            return await honest(self, operation, query, headers, body, session)
        path = operation.path_on_instance(collection.ids[healthy[0].name])
        told = await healthy[0].call("POST", path, body, _JSON, APPLY_TIMEOUT)
        return Reply(told.status, told.body, told.headers)

    Gateway._answer = answer  # type: ignore[method-assign]
