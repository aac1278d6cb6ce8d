"""Reads go to an instance that is gone until a cache of its health expires."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.entries import Reply
from stack.balancer.http_client import Unreachable
from stack.balancer.instance import Instance
from stack.balancer.reads import Reads
from stack.balancer.replies import error

EXPECTED = Expected("SLOW-FAILOVER", {"FAIL-2": "503"}, also=OUTAGES, tests=("Work Goes On Without The Replica",))

EXPIRES = 5.0
"""Seconds for which an instance that was healthy is taken to be."""


def plant() -> None:
    honest = Reads._ask
    seen: dict[str, float] = {}

    async def ask(
        self: Reads,
        may_serve: Callable[[Instance], bool],
        path: Callable[[Instance], str],
        method: str,
        body: bytes,
        headers: Mapping[str, str],
        known: bool = False,
    ) -> Reply:
        now = time.monotonic()
        instances = self._deployment.instances
        seen.update((instance.name, now) for instance in instances if instance.trusted)
        gone = [i for i in instances if not i.trusted and now - seen.setdefault(i.name, now) < EXPIRES and may_serve(i)]
        if not gone:
            return await honest(self, may_serve, path, method, body, headers, known)
        try:
            answer = await gone[0].read(method, path(gone[0]), body or None, headers, 2.0)
        except Unreachable:
            return error(503, "ServiceUnavailable", "the instance did not answer", {"x-effect": "none"})
        return Reply(answer.status, answer.body, answer.headers)

    Reads._ask = ask  # type: ignore[method-assign]
