"""Asks the primary alone for the old heartbeat."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer import app
from stack.balancer.http_client import Unreachable

EXPECTED = Expected(red={"HEALTH-6": "the version 1 heartbeat was answered with 503"}, also=OUTAGES)


def plant() -> None:
    async def first_heartbeat(request: Request) -> Response:
        primary = request.app.state.deployment.primary
        try:
            answer = await primary.read("GET", "/api/v2/heartbeat", None, {}, 2.0)
        except Unreachable:
            return Response(status_code=503)
        return Response(answer.body, answer.status, answer.headers)

    app._first_heartbeat = first_heartbeat
