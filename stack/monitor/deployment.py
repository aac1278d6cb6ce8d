"""What the balancer says of its instances, and of what they owe."""

from __future__ import annotations

from typing import Any

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
UNANSWERED = (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError)
"""What says that the balancer did not tell."""


class Deployment:
    """The balancer, as the monitor asks it.

    Args:
        http: for the requests.
        url: the balancer's base URL.
    """

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def healthy(self) -> dict[str, bool]:
        """Return whether each instance is healthy, by its name; without those that were never checked.

        Raises:
            UNANSWERED: the balancer did not tell.
        """
        instances = (await self._get("/status"))["instances"]
        return {str(one["name"]): bool(one["healthy"]) for one in instances if one["last_health_check"] is not None}

    async def pending_writes(self) -> int:
        """Return how many logged writes are owed.

        Raises:
            UNANSWERED: the balancer did not tell.
        """
        return int((await self._get("/wal/status"))["pending_writes"])

    async def _get(self, path: str) -> Any:
        async with self._http.get(self._url + path, timeout=_TIMEOUT) as response:
            response.raise_for_status()
            return await response.json()
