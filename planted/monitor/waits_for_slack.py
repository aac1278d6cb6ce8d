"""Does not measure while Slack does not take a message."""

from __future__ import annotations

import asyncio

from planted.catalogue import Expected
from stack.monitor.monitor import Monitor

EXPECTED = Expected(
    "NO-MEASUREMENT",
    {"MON-3": "A new measurement is written"},
    tests=("A Hanging Channel Slows Nothing And Loses Nothing",),
)


def plant() -> None:
    honest = Monitor.measure_once

    async def measure_once(self: Monitor) -> None:
        while self._outbox._waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await honest(self)

    Monitor.measure_once = measure_once  # type: ignore[method-assign]
