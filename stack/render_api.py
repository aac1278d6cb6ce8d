"""A local imitation of the part of the Render API that a sign-off uses, over the stack's own services.

It answers as the hosted one does: bearer key, pages with cursors, 202 for what happens afterwards, rate
limits. Behind it real processes are ended and started, so it lives in the supervisor's process.
"""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from aiohttp import web

from .ports import HOST
from .postgres import DATABASE, ROLE
from .services import HttpHealth
from .supervisor import Deploy, Event, Keeper, State

Json = dict[str, object]
_Item = TypeVar("_Item")
_DEFAULT_PAGE = 20
_LARGEST_PAGE = 100
_REGION = "local"


@dataclass(frozen=True)
class RateLimits:
    """How many requests are answered within a window.

    Args:
        suspends: suspend and resume requests together, for each service.
        writes: all other POST requests together.
        reads: all GET requests together.
        window_seconds: length of the window that is looked back on.
    """

    suspends: int = 10
    writes: int = 30
    reads: int = 400
    window_seconds: float = 60.0


class RateLimiter:
    """Counts requests in sliding windows.

    Args:
        limits: the limits.
        clock: seconds that only go forward.
    """

    def __init__(self, limits: RateLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._seen: defaultdict[str, deque[float]] = defaultdict(deque)

    def take(self, bucket: str, limit: int) -> tuple[int, int, bool]:
        """Count one request, if it's within the limit.

        Args:
            bucket: what is counted together.
            limit: how many of it are allowed in a window.

        Returns:
            How many are left, in how many seconds the next one is freed, and whether this one was allowed.
        """
        seen, moment, window = self._seen[bucket], self._clock(), self._limits.window_seconds
        while seen and moment - seen[0] >= window:
            seen.popleft()
        allowed = len(seen) < limit
        if allowed:
            seen.append(moment)
        reset = math.ceil(window - (moment - seen[0])) if seen else 0
        return limit - len(seen), reset, allowed


class _Refusal(Exception):
    """An error answer of the API."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"id": secrets.token_hex(8), "message": message}, status=status)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def page_of(items: Sequence[_Item], id_of: Callable[[_Item], str], query: Mapping[str, str]) -> list[_Item]:
    """The items that a request asks for: those after ``cursor`` (an id), at most ``limit`` of them.

    Raises:
        _Refusal: ``limit`` is not a number from 1 to 100, or ``cursor`` is none of this list's.
    """
    asked = query.get("limit", str(_DEFAULT_PAGE))
    if not asked.isdecimal() or not 1 <= int(asked) <= _LARGEST_PAGE:
        raise _Refusal(400, f"limit={asked}: a number from 1 to {_LARGEST_PAGE} is allowed")
    start = 0
    cursor = query.get("cursor")
    if cursor:
        ids = [id_of(item) for item in items]
        if cursor not in ids:
            raise _Refusal(400, f"cursor={cursor} is unknown; use the cursor of the last item received")
        start = ids.index(cursor) + 1
    return list(items[start : start + int(asked)])


def _service_json(keeper: Keeper) -> Json:
    service = keeper.service
    disk: Json | None = None
    if service.data_folder is not None:
        disk = {"name": f"{service.name}-data", "sizeGB": 1, "mountPath": str(service.data_folder)}
    return {
        "id": service.render_id,
        "name": service.name,
        "type": "web_service",
        **_suspension_json(keeper),
        "createdAt": _time(keeper.created_at),
        "updatedAt": _time(keeper.updated_at),
        "serviceDetails": {
            "plan": service.plan,
            "numInstances": 1,
            "region": _REGION,
            "url": service.url,
            "healthCheckPath": service.health.path if isinstance(service.health, HttpHealth) else "",
            "disk": disk,
        },
    }


def _postgres_json(keeper: Keeper) -> Json:
    status = "suspended" if keeper.suspended else "available" if keeper.state is State.LIVE else "unavailable"
    return {
        "id": keeper.service.render_id,
        "name": keeper.service.name,
        "plan": keeper.service.plan,
        "status": status,
        **_suspension_json(keeper),
        "databaseName": DATABASE,
        "databaseUser": ROLE,
        "region": _REGION,
        "version": "18",
        "diskSizeGB": 1,
        "createdAt": _time(keeper.created_at),
        "updatedAt": _time(keeper.updated_at),
    }


def _suspension_json(keeper: Keeper) -> Json:
    if keeper.suspended:
        return {"suspended": "suspended", "suspenders": ["user"]}
    return {"suspended": "not_suspended", "suspenders": []}


def _deploy_json(deploy: Deploy) -> Json:
    return {
        "id": deploy.id,
        "status": deploy.status.value,
        "trigger": deploy.trigger,
        "createdAt": _time(deploy.created_at),
        "updatedAt": _time(deploy.updated_at),
        "finishedAt": None if deploy.finished_at is None else _time(deploy.finished_at),
    }


def _event_json(event: Event, service_id: str) -> Json:
    return {
        "id": event.id,
        "timestamp": _time(event.at),
        "serviceId": service_id,
        "type": event.type,
        "details": dict(event.details),
    }


class RenderApi:
    """The API over these services.

    Args:
        keepers: the services, as kept by the supervisor.
        key: the bearer key that is asked for.
        limits: how many requests are answered in a minute.
        clock: what the limits are measured by, in seconds.
    """

    def __init__(
        self,
        keepers: Sequence[Keeper],
        key: str,
        limits: RateLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = [keeper for keeper in keepers if not keeper.service.is_postgres]
        self._databases = [keeper for keeper in keepers if keeper.service.is_postgres]
        self._key = key
        self._limits = limits or RateLimits()
        self._limiter = RateLimiter(self._limits, clock)
        self._runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        """The web application."""
        application = web.Application(middlewares=[self._guarded])
        application.add_routes(
            [
                web.get("/v1/services", self._list_services),
                web.get("/v1/services/{id}", self._show_service),
                web.get("/v1/services/{id}/deploys", self._list_deploys),
                web.get("/v1/services/{id}/events", self._list_events),
                web.post("/v1/services/{id}/suspend", self._suspend),
                web.post("/v1/services/{id}/resume", self._resume),
                web.post("/v1/services/{id}/restart", self._restart),
                web.get("/v1/postgres", self._list_databases),
                web.get("/v1/postgres/{id}", self._show_database),
                web.post("/v1/postgres/{id}/suspend", self._suspend),
                web.post("/v1/postgres/{id}/resume", self._resume),
                web.post("/v1/postgres/{id}/restart", self._restart),
            ]
        )
        return application

    async def open(self, port: int) -> None:
        """Serve on this loopback port.

        Raises:
            OSError: the port is taken.
        """
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port).start()

    async def close(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guarded(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Key, limits and errors, the same for every call."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), self._key.encode()):
            return _error(401, "unauthorized: the header Authorization: Bearer <key> is missing or its key is wrong")
        bucket, limit = self._bucket(request)
        remaining, reset, allowed = self._limiter.take(bucket, limit)
        if allowed:
            response = await self._answer(request, handler)
        else:
            response = _error(
                429,
                f"too many requests: {limit} of this kind in {self._limits.window_seconds:g} s are allowed",
            )
        response.headers["Ratelimit-Limit"] = str(limit)
        response.headers["Ratelimit-Remaining"] = str(remaining)
        response.headers["Ratelimit-Reset"] = str(reset)
        return response

    @staticmethod
    async def _answer(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except _Refusal as refusal:
            return _error(refusal.status, refusal.message)
        except web.HTTPException as error:  # no such path, or not with this method
            return _error(error.status, f"{error.reason.lower()}: {request.method} {request.path}")

    def _bucket(self, request: web.Request) -> tuple[str, int]:
        """What this request is counted with, and how many of that are allowed."""
        if request.method == "GET":
            return "reads", self._limits.reads
        if request.path.endswith(("/suspend", "/resume")):
            return f"suspends of {request.match_info.get('id')}", self._limits.suspends
        return "writes", self._limits.writes

    def _keeper(self, request: web.Request) -> Keeper:
        wanted = request.match_info["id"]
        is_database = request.path.startswith("/v1/postgres/")
        for keeper in self._databases if is_database else self._services:
            if keeper.service.render_id == wanted:
                return keeper
        raise _Refusal(404, f"not found: {'postgres' if is_database else 'service'}: {wanted}")

    async def _list_services(self, request: web.Request) -> web.Response:
        return self._list(request, self._services, "service", _service_json)

    async def _list_databases(self, request: web.Request) -> web.Response:
        return self._list(request, self._databases, "postgres", _postgres_json)

    @staticmethod
    def _list(
        request: web.Request, keepers: Sequence[Keeper], word: str, to_json: Callable[[Keeper], Json]
    ) -> web.Response:
        names = {name for value in request.query.getall("name", []) for name in value.split(",")}
        found = [keeper for keeper in keepers if not names or keeper.service.name in names]
        page = page_of(found, lambda keeper: keeper.service.render_id, request.query)
        return web.json_response([{"cursor": k.service.render_id, word: to_json(k)} for k in page])

    async def _show_service(self, request: web.Request) -> web.Response:
        return web.json_response(_service_json(self._keeper(request)))

    async def _show_database(self, request: web.Request) -> web.Response:
        return web.json_response(_postgres_json(self._keeper(request)))

    async def _list_deploys(self, request: web.Request) -> web.Response:
        newest_first = list(reversed(self._keeper(request).deploys))
        page = page_of(newest_first, lambda deploy: deploy.id, request.query)
        return web.json_response([{"cursor": deploy.id, "deploy": _deploy_json(deploy)} for deploy in page])

    async def _list_events(self, request: web.Request) -> web.Response:
        keeper = self._keeper(request)
        page = page_of(list(reversed(keeper.events)), lambda event: event.id, request.query)
        return web.json_response(
            [{"cursor": event.id, "event": _event_json(event, keeper.service.render_id)} for event in page]
        )

    async def _suspend(self, request: web.Request) -> web.Response:
        self._keeper(request).suspend()
        return web.Response(status=202)

    async def _resume(self, request: web.Request) -> web.Response:
        self._keeper(request).resume()
        return web.Response(status=202)

    async def _restart(self, request: web.Request) -> web.Response:
        keeper = self._keeper(request)
        if keeper.suspended:
            raise _Refusal(400, f"{keeper.service.name} is suspended; resume it instead")
        keeper.restart()
        return web.Response(status=200)
