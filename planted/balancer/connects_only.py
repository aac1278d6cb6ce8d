"""Takes an instance for healthy as long as it accepts connections, and waits for its answer."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from planted.carrying_over import try_once
from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.instance import Instance
from stack.balancer.probing import Probe

EXPECTED = Expected(
    "SLOW-FAILOVER", {"FAIL-7": "not acknowledged"}, also=OUTAGES, tests=("Work Goes On With A Frozen Primary",)
)


def plant() -> None:
    try_once()

    async def check(self: Probe) -> None:
        instance: Instance = self._instance
        parts = urlsplit(instance.url)
        try:
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError as error:
            instance.failed(str(error), probe=True)
        else:
            writer.close()
            instance.succeeded(probe=True)

    Probe.check = check  # type: ignore[method-assign]
