"""The balancer as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .deadline import begin, deadline
from .deployment import Deployment
from .entries import Reply
from .operations import Action, Operation, read_operation
from .reads import Reads
from .refusals import Kind
from .replies import error
from .status import Status
from .writes import Writes

# Chroma's own limit for a request body.
MOST_BYTES = 40 * 1024 * 1024


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class Gateway:
    """Takes each request of the Chroma API: how many at once, of what size, read or write.

    Args:
        deployment: what stands behind.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._reads = Reads(deployment)
        self._writes = Writes(deployment)
        self._most = deployment.settings.max_concurrent_requests
        self._seconds = deployment.settings.request_timeout
        self._queue = deployment.settings.request_queue_size
        self._refusals = deployment.refusals
        self._slots = asyncio.Semaphore(self._most)
        self._present = 0

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request under /api/v2."""
        begin(self._seconds)
        operation = read_operation(scope["method"], scope["path"])
        if operation is None:
            message = f"{scope['method']} {scope['path']} is not part of this API"
            reply = error(404, "NotFoundError", message)
        else:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            try:
                reply = await self._limited(operation, scope["query_string"].decode("latin-1"), headers, receive)
            except ClientGone:
                return
        await send_reply(reply, send)

    async def _limited(self, operation: Operation, query: str, headers: Mapping[str, str], receive: Receive) -> Reply:
        session = headers.get("x-session-id")
        if self._present >= self._most + self._queue:
            self._refusals.note(Kind.WRITE if operation.is_write else Kind.READ)
            message = f"more than {self._most} requests at work and {self._queue} in the queue"
            return self._refuse(operation, session, message)
        self._present += 1
        try:
            try:
                async with asyncio.timeout_at(deadline()):
                    await self._slots.acquire()
            except TimeoutError:
                return self._refuse(operation, session, f"{self._most} requests were at work all the time")
            try:
                return await self._admitted(operation, query, headers, receive, session)
            finally:
                self._slots.release()
        finally:
            self._present -= 1

    async def _admitted(
        self, operation: Operation, query: str, headers: Mapping[str, str], receive: Receive, session: str | None
    ) -> Reply:
        try:
            async with asyncio.timeout_at(deadline()):
                body = await _body(receive)
        except TimeoutError:
            refusal = self._refuse(operation, session, "the request was not complete in time")
            # The rest of it may still come, and is nobody's next request.
            return Reply(refusal.status, refusal.body, refusal.headers | {"connection": "close"})
        if body is None:
            refusal = error(413, "InvalidArgumentError", f"the body is larger than {MOST_BYTES} bytes")
            return self._writes.refuse(operation, b"", session, refusal) if operation.is_write else refusal
        return await self._answer(operation, query, headers, body, session)

    def _refuse(self, operation: Operation, session: str | None, message: str) -> Reply:
        refusal = error(503, "ServiceUnavailable", message, {"x-effect": "none", "retry-after": "1"})
        return self._writes.refuse(operation, b"", session, refusal) if operation.is_write else refusal

    async def _answer(
        self, operation: Operation, query: str, headers: Mapping[str, str], body: bytes, session: str | None
    ) -> Reply:
        if operation.action is Action.RESET:
            return error(403, "ChromaError", "Reset is disabled by config")
        if operation.action is Action.UNSUPPORTED:
            return error(501, "ChromaError", "forks and attached functions are unsupported for local Chroma")
        if operation.is_write:
            return await self._writes.answer(operation, body, session)
        return await self._reads.answer(operation, query, body, headers)


async def _body(receive: Receive) -> bytes | None:
    """Return a request's body, or None if it is too large; it is read to its end then, so that the client listens."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size <= MOST_BYTES:
            parts.append(part)
        else:
            parts.clear()
        if not message.get("more_body", False):
            return b"".join(parts) if size <= MOST_BYTES else None


async def send_reply(reply: Reply, send: Send) -> None:
    """Send a reply over ASGI."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _first_heartbeat(request: Request) -> Response:
    """Chroma answers 410 on every v1 path; existing probes still ask for this one."""
    deployment: Deployment = request.app.state.deployment
    begin(deployment.settings.request_timeout)
    operation = Operation(Action.READ_INSTANCE, "GET", "/api/v2/heartbeat")
    reply = await Reads(deployment).answer(operation, "", b"", {})
    return Response(reply.body, reply.status, reply.headers)


async def _plain_error(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    message = f"{request.method} {request.url.path} is not part of this API"
    return JSONResponse({"error": "NotFoundError", "message": message}, problem.status_code)


def create_app(deployment: Deployment) -> ASGIApp:
    """Return the application for a deployment that is open; it is closed when the application ends.

    What the balancer says of itself is Starlette's business. The Chroma API, where a tenth of a
    millisecond counts, goes straight to the gateway.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await deployment.close()

    handlers: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {HTTPException: _plain_error}
    own_routes = Starlette(
        routes=[*Status(deployment).routes(), Route("/api/v1/heartbeat", _first_heartbeat)],
        exception_handlers=handlers,
        lifespan=lifespan,
    )
    own_routes.state.deployment = deployment
    gateway = Gateway(deployment)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/v2/"):
            await gateway.serve(scope, receive, send)
        else:
            await own_routes(scope, receive, send)

    return app
