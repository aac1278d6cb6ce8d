"""Leaves the condition on texts out of a read, so that it selects whatever meets the others."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance

EXPECTED = Expected("WRONG-ANSWER", {"DOC-5": "through the balancer and should not be"}, also=CONTENTS)


def plant() -> None:
    honest = Instance.read

    async def read(
        self: Instance, method: str, path: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        if body and b"where_document" in body:
            body = orjson.dumps({**orjson.loads(body), "where_document": None})
        return await honest(self, method, path, body, headers, seconds)

    Instance.read = read  # type: ignore[method-assign]
