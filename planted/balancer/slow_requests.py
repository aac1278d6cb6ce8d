"""Takes 120 ms more for every request."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope, Send

from planted.catalogue import Expected
from stack.balancer.app import Gateway

EXPECTED = Expected(
    "TOO-SLOW",
    {"PROD-3": "writes/s"},
    also=("PROD-4", "HEALTH-2", "WAL-3", "DOC-4", "LB-1"),
    tests=("One Client Writes Fast Enough",),
)

SECONDS = 0.12


def plant() -> None:
    honest = Gateway.serve

    async def serve(self: Gateway, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(SECONDS)
        await honest(self, scope, receive, send)

    Gateway.serve = serve  # type: ignore[method-assign]
