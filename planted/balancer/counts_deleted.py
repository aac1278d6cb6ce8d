"""Goes on counting documents that were deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import orjson

from planted.catalogue import Expected
from stack.balancer.catalog import Collection
from stack.balancer.entries import Reply
from stack.balancer.operations import Action, Operation
from stack.balancer.reads import Reads
from stack.balancer.writes import Writes

EXPECTED = Expected(
    red={"DOC-3": "the balancer counts"},
    also=("DOC-1", "FAIL-1", "FAIL-2", "FAIL-7", "FAIL-8"),
    tests=("Deleting By A Condition Deletes Exactly Those",),
)


def plant() -> None:
    honest, write = Reads._documents, Writes.answer
    deleted: Counter[str] = Counter()

    async def answer(self: Writes, operation: Operation, body: bytes, session: str | None) -> Reply:
        reply = await write(self, operation, body, session)
        if operation.action is Action.DELETE_DOCUMENTS and reply.status == 200:
            deleted[operation.reference] += len(orjson.loads(body).get("ids") or [1])
        return reply

    async def documents(
        self: Reads, operation: Operation, collection: Collection, suffix: str, body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        reply = await honest(self, operation, collection, suffix, body, headers)
        if operation.verb != "count" or reply.status != 200:
            return reply
        return Reply(200, str(int(reply.body) + deleted[collection.id]).encode(), reply.headers)

    Reads._documents, Writes.answer = documents, answer  # type: ignore[method-assign]
