"""The balancer as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .deployment import Deployment
from .entries import Reply
from .operations import Action, Operation, read_operation
from .reads import Reads
from .replies import error
from .status import Status
from .writes import Writes

# Chroma's own limit for a request body.
MOST_BYTES = 40 * 1024 * 1024


class Gateway:
    """Takes each request of the Chroma API: how many at once, of what size, read or write.

    Args:
        deployment: what stands behind.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._reads = Reads(deployment)
        self._writes = Writes(deployment)
        self._most = deployment.settings.max_concurrent_requests
        self._queue = deployment.settings.request_queue_size
        self._slots = asyncio.Semaphore(self._most)
        self._present = 0

    async def serve(self, request: Request) -> Response:
        """Answer one request under /api/v2."""
        operation = read_operation(request.method, request.url.path)
        if operation is None:
            raise HTTPException(404)
        try:
            reply = await self._limited(operation, request)
        except ClientDisconnect:
            reply = error(
                400, "InvalidArgumentError", "the client closed the connection before the request was complete"
            )
        return Response(reply.body, reply.status, reply.headers)

    async def _limited(self, operation: Operation, request: Request) -> Reply:
        session = request.headers.get("x-session-id")
        if self._present >= self._most + self._queue:
            message = f"more than {self._most} requests at work and {self._queue} in the queue"
            refusal = error(503, "ServiceUnavailable", message, {"x-effect": "none", "retry-after": "1"})
            return self._writes.refuse(operation, b"", session, refusal) if operation.is_write else refusal
        self._present += 1
        try:
            async with self._slots:
                return await self._answer(operation, request, session)
        finally:
            self._present -= 1

    async def _answer(self, operation: Operation, request: Request, session: str | None) -> Reply:
        body = await _body(request)
        if body is None:
            refusal = error(413, "InvalidArgumentError", f"the request body is larger than {MOST_BYTES} bytes")
            return self._writes.refuse(operation, b"", session, refusal) if operation.is_write else refusal
        if operation.action is Action.RESET:
            return error(403, "ChromaError", "Reset is disabled by config")
        if operation.action is Action.UNSUPPORTED:
            return error(501, "ChromaError", "forks and attached functions are unsupported for local Chroma")
        if operation.is_write:
            return await self._writes.answer(operation, body, session)
        return await self._reads.answer(operation, request.url.query, body, request.headers)


async def _body(request: Request) -> bytes | None:
    """Return the request's body, or None if it is too large; it is read to its end then, so that the client listens."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= MOST_BYTES:
            parts.append(part)
        else:
            parts.clear()
    return b"".join(parts) if size <= MOST_BYTES else None


async def _first_heartbeat(request: Request) -> Response:
    """Chroma answers 410 on every v1 path; existing probes still ask for this one."""
    deployment: Deployment = request.app.state.deployment
    operation = Operation(Action.READ_INSTANCE, "GET", "/api/v2/heartbeat")
    reply = await Reads(deployment).answer(operation, "", b"", {})
    return Response(reply.body, reply.status, reply.headers)


async def _plain_error(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    message = f"{request.method} {request.url.path} is not part of this API"
    return JSONResponse({"error": "NotFoundError", "message": message}, problem.status_code)


def create_app(deployment: Deployment) -> Starlette:
    """Return the application for a deployment that is open; it is closed when the application ends."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.deployment = deployment
        app.state.gateway = Gateway(deployment)
        yield
        await deployment.close()

    async def serve(request: Request) -> Response:
        gateway: Gateway = request.app.state.gateway
        return await gateway.serve(request)

    handlers: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {HTTPException: _plain_error}
    return Starlette(
        routes=[
            *Status(deployment).routes(),
            Route("/api/v1/heartbeat", _first_heartbeat),
            Route("/api/v2/{path:path}", serve, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ],
        exception_handlers=handlers,
        lifespan=lifespan,
    )
