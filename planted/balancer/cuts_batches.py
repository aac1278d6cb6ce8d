"""Keeps only the first hundred documents of a batch, and says nothing."""

from __future__ import annotations

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.entries import Reply
from stack.balancer.operations import Action, Operation
from stack.balancer.writes import Writes

EXPECTED = Expected(
    "PARTIAL", {"DOC-4": "is missing"}, also=CONTENTS, tests=("Five Thousand Documents In One Collection",)
)

MOST = 100


def plant() -> None:
    honest = Writes.answer

    async def answer(self: Writes, operation: Operation, body: bytes, session: str | None) -> Reply:
        if operation.action is Action.ADD:
            payload = orjson.loads(body)
            cut = {name: value[:MOST] if isinstance(value, list) else value for name, value in payload.items()}
            body = orjson.dumps(cut)
        return await honest(self, operation, body, session)

    Writes.answer = answer  # type: ignore[method-assign]
