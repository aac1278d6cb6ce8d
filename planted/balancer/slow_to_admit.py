"""Shows in its status that an instance went or returned only when it has been so for some seconds."""

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
    {"HEALTH-3": "counted as healthy"},
    also=("FAIL-1", "FAIL-3", "FAIL-7", "FAIL-8", "HEALTH-1", "HEALTH-5", "MAP-4", "MAP-5", "MON-3", "PROD-1"),
)

SURE = 2.0
"""Seconds that an instance has to be as it is before it is shown so."""


def plant() -> None:
    honest, status = Status.instances, Status._status
    shown: dict[str, bool] = {}
    otherwise: dict[str, float] = {}

    def instances(self: Status) -> list[dict[str, Any]]:
        found = honest(self)
        for item in found:
            name, now = item["name"], time.monotonic()
            if item["healthy"] == shown.setdefault(name, item["healthy"]):
                otherwise.pop(name, None)
            elif now - otherwise.setdefault(name, now) > SURE:
                shown[name] = item["healthy"]
            item["healthy"] = shown[name]
        return found

    async def late(self: Status, request: Request) -> Response:
        body = orjson.loads(bytes((await status(self, request)).body))
        body["summary"]["healthy_instances"] = sum(item["healthy"] for item in body["instances"])
        return JSONResponse(body)

    Status.instances, Status._status = instances, late  # type: ignore[method-assign]
