"""Takes its time to say how it is, as if it asked everybody first."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from planted.catalogue import Expected
from stack.balancer.status import Status

EXPECTED = Expected("TOO-SLOW", {"HEALTH-2": "95 % of the health checks took"})

SECONDS = 0.08


def plant() -> None:
    honest = Status._health

    async def health(self: Status, request: Request) -> Response:
        await asyncio.sleep(SECONDS)
        return await honest(self, request)

    Status._health = health  # type: ignore[method-assign]
