"""Deletes a collection when it is named by its id, which Chroma answers with 404."""

from __future__ import annotations

from dataclasses import replace

from planted.catalogue import Expected
from stack.balancer.entries import Reply
from stack.balancer.operations import Action, Operation
from stack.balancer.writes import Writes

EXPECTED = Expected(
    "PROTOCOL", {"MAP-3": "by an id"}, also=("MAP-4", "DOC-1"), tests=("A Collection Looked Up By Id Is Not Absent",)
)


def plant() -> None:
    honest = Writes.answer

    async def answer(self: Writes, operation: Operation, body: bytes, session: str | None) -> Reply:
        if operation.action is Action.DELETE_COLLECTION:
            collection = self._deployment.catalog.by_id(operation.reference)
            if collection is not None:
                path = operation.path.replace(operation.reference, collection.name)
                operation = replace(operation, reference=collection.name, path=path)
        return await honest(self, operation, body, session)

    Writes.answer = answer  # type: ignore[method-assign]
