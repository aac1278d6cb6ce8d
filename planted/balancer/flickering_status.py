"""Shows an instance that is away as healthy most of the time, and never for as long as a second."""

from __future__ import annotations

import time
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from planted.catalogue import Expected
from stack.balancer.status import Status

EXPECTED = Expected(
    "LYING-STATUS",
    {"HEALTH-3": "healthy"},
    also=("FAIL-3", "FAIL-7", "FAIL-8", "HEALTH-1", "HEALTH-5", "MON-3", "PROD-1"),
)

PERIOD, FALSE = 0.6, 0.45
"""Every so many seconds it is untrue for so many."""


def plant() -> None:
    honest, status = Status.instances, Status._status

    def instances(self: Status) -> list[dict[str, Any]]:
        flickers = time.monotonic() % PERIOD < FALSE
        return [item | {"healthy": item["healthy"] or flickers} for item in honest(self)]

    async def flickering(self: Status, request: Request) -> Response:
        body = orjson.loads(bytes((await status(self, request)).body))
        body["summary"]["healthy_instances"] = sum(item["healthy"] for item in body["instances"])
        return JSONResponse(body)

    Status.instances, Status._status = instances, flickering  # type: ignore[method-assign]
