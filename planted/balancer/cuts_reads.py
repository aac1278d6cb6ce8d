"""Answers a read of many documents with the first hundred, as if there were no more."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from planted.catalogue import Expected
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance

EXPECTED = Expected(
    "SLOW-FAILOVER",
    {"FAIL-1": "and shows 100"},
    tests=("A Crash Of The Primary In The Middle Of A Burst Loses Nothing",),
)

MOST = 100


def plant() -> None:
    honest = Instance.read

    async def read(
        self: Instance, method: str, path: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        answer = await honest(self, method, path, body, headers, seconds)
        if not path.endswith("/get") or answer.status != 200 or "content-encoding" in answer.headers:
            return answer
        page = {
            name: column[:MOST] if isinstance(column, list) else column
            for name, column in orjson.loads(answer.body).items()
        }
        return Answer(answer.status, orjson.dumps(page), answer.headers)

    Instance.read = read  # type: ignore[method-assign]
