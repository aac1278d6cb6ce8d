"""Shows a status without the version of the balancer."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from planted.catalogue import Expected
from stack.balancer.status import Status

EXPECTED = Expected(refused="/status has no load_balancer.version")


def plant() -> None:
    honest = Status._status

    async def status(self: Status, request: Request) -> Response:
        body = orjson.loads(bytes((await honest(self, request)).body))
        del body["load_balancer"]["version"]
        return JSONResponse(body)

    Status._status = status  # type: ignore[method-assign]
