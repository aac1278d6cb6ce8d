"""Gives every twentieth read the answer that somebody else's read was given before.

A client library of Redis did this on connections whose request had been cancelled; in March 2023 people saw the titles
of other people's conversations in ChatGPT because of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance

EXPECTED = Expected("WRONG-ANSWER", {"LB-1": "gave doc-"}, also=CONTENTS, tests=("Reads Are Shared As Configured",))


def plant() -> None:
    honest = Instance.read
    numbers = count(1)
    before: list[Answer] = []

    async def read(
        self: Instance, method: str, path: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        answer = await honest(self, method, path, body, headers, seconds)
        if not path.endswith("/get") or answer.status != 200:
            return answer
        other = before.pop() if before else answer
        before.append(answer)
        return answer if next(numbers) % 20 else other

    Instance.read = read  # type: ignore[method-assign]
