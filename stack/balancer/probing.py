"""Active health checks: they read and they write, because a server that cannot write still answers its heartbeat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import orjson

from .http_client import TooLate, Unreachable
from .instance import Instance

# The probe's collection lives in a database of its own, out of the sight of clients.
_DATABASE = "balancer-probe"
_DATABASES = "/api/v2/tenants/default_tenant/databases"
_COLLECTIONS = f"{_DATABASES}/{_DATABASE}/collections"
_HEADERS = {"content-type": "application/json"}
# After this long an unanswered look is given up and another one begun, since its connection may be dead.
LOOK_TIMEOUT = 2.0
# A write costs an instance some ten milliseconds; an idle deployment is probed this often, a busy one proves itself.
WRITE_INTERVAL = 0.5


class Probe:
    """The health check of one instance.

    Args:
        instance: whom to ask.
        interval: seconds from one check to the next.
        verify: has to succeed before the instance is served from again.
    """

    def __init__(self, instance: Instance, interval: float, verify: Callable[[Instance], Awaitable[None]]) -> None:
        self._instance = instance
        self._interval = interval
        self._verify = verify
        self._collection: str | None = None
        self._look: asyncio.Task[None] | None = None

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
        """Do one health check and tell the instance how it went.

        A look that is not answered is not repeated: each check that finds it so counts as failed.
        """
        if self._look is None:
            self._look = asyncio.create_task(self._take_a_look())
        done, _ = await asyncio.wait({self._look}, timeout=self._instance.patience)
        if not done:
            self._instance.failed("no answer to the health check yet", probe=True, slow=True)
            return
        look, self._look = self._look, None
        try:
            look.result()
            if self._instance.about_to_rise:
                await self._verify(self._instance)
        except (Unreachable, ValueError, KeyError) as error:
            self._collection = None
            # One that is silent may be busy with what it was given to write; one that refuses is gone.
            self._instance.failed(str(error), probe=True, slow=isinstance(error, TooLate))
        else:
            self._instance.succeeded(probe=True)

    async def _take_a_look(self) -> None:
        await self._expect("GET", "/api/v2/heartbeat", None)
        if not self._proved_recently():
            await self._write()

    def _proved_recently(self) -> bool:
        instance = self._instance
        recently = time.monotonic() - instance.last_write_succeeded < WRITE_INTERVAL
        return recently and instance.healthy and not instance.consecutive_failures

    async def _write(self) -> None:
        if self._collection is None:
            await self._expect("POST", _DATABASES, {"name": _DATABASE}, also=409)
            body = await self._expect("POST", _COLLECTIONS, {"name": "probe", "get_or_create": True})
            self._collection = str(orjson.loads(body)["id"])
        record = {"ids": ["probe"], "embeddings": [[time.time() % 1000, 1.0]]}
        await self._expect("POST", f"{_COLLECTIONS}/{self._collection}/upsert", record)
        self._instance.last_write_succeeded = time.monotonic()

    async def _expect(self, method: str, path: str, body: dict[str, object] | None, also: int = 200) -> bytes:
        data = orjson.dumps(body) if body is not None else None
        # An instance that was given much to write may take longer over everything else.
        seconds = max(LOOK_TIMEOUT, 2 * self._interval, 2 * self._instance.patience)
        answer = await self._instance.probe(method, path, data, _HEADERS, seconds)
        if answer.status not in (200, 201, also):
            raise Unreachable(f"{self._instance.name}: {method} {path} answered {answer.status}")
        return answer.body
