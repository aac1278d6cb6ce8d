"""Active health checks: they read and they write, because a server that cannot write still answers its heartbeat."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import orjson

from .http_client import Unreachable
from .instance import Instance

# The probe's collection lives in a database of its own, out of the sight of clients.
_DATABASE = "balancer-probe"
_DATABASES = "/api/v2/tenants/default_tenant/databases"
_COLLECTIONS = f"{_DATABASES}/{_DATABASE}/collections"
_HEADERS = {"content-type": "application/json"}
WRITE_TIMEOUT = 2.0
HEARTBEAT_TIMEOUT = 0.5
# A write costs an instance some ten milliseconds; an idle deployment is probed this often, a busy one proves itself.
WRITE_INTERVAL = 1.0


class Probe:
    """The health check of one instance.

    Args:
        instance: whom to ask.
        interval: seconds from one check to the next.
    """

    def __init__(self, instance: Instance, interval: float) -> None:
        self._instance = instance
        self._interval = interval
        self._collection: str | None = None

    async def run(self) -> None:
        """Check for ever: every interval, and at once when a request has failed."""
        while True:
            started = time.monotonic()
            await self.check()
            remaining = self._interval - (time.monotonic() - started)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._instance.probe_wanted.wait(), max(remaining, 0.0))
                # Asked for at once, but never in a busy loop.
                await asyncio.sleep(min(max(remaining, 0.0), 0.05))
            self._instance.probe_wanted.clear()

    async def check(self) -> None:
        """Do one health check and tell the instance how it went."""
        try:
            await self._expect("GET", "/api/v2/heartbeat", None, max(HEARTBEAT_TIMEOUT, self._interval))
            if not self._proved_recently():
                await self._write()
        except (Unreachable, ValueError, KeyError) as error:
            self._collection = None
            self._instance.failed(str(error), probe=True)
        else:
            self._instance.succeeded(probe=True)

    def _proved_recently(self) -> bool:
        instance = self._instance
        return instance.trusted and time.monotonic() - instance.last_write_succeeded < WRITE_INTERVAL

    async def _write(self) -> None:
        if self._collection is None:
            await self._expect("POST", _DATABASES, {"name": _DATABASE}, WRITE_TIMEOUT, also=409)
            body = await self._expect("POST", _COLLECTIONS, {"name": "probe", "get_or_create": True}, WRITE_TIMEOUT)
            self._collection = str(orjson.loads(body)["id"])
        record = {"ids": ["probe"], "embeddings": [[time.time() % 1000, 1.0]]}
        await self._expect("POST", f"{_COLLECTIONS}/{self._collection}/upsert", record, WRITE_TIMEOUT)
        self._instance.last_write_succeeded = time.monotonic()

    async def _expect(
        self, method: str, path: str, body: dict[str, object] | None, seconds: float, also: int = 200
    ) -> bytes:
        data = orjson.dumps(body) if body is not None else None
        answer = await self._instance.call(method, path, data, _HEADERS, seconds)
        if answer.status not in (200, 201, also):
            raise Unreachable(f"{self._instance.name}: {method} {path} answered {answer.status}")
        return answer.body
