"""Tells of each outage four seconds after it has noticed it."""

from __future__ import annotations

import asyncio

from planted.catalogue import Expected
from stack.monitor.outbox import Message, Outbox

EXPECTED = Expected(
    "ALERT-MISSING",
    {"MON-3": "The alert about the primary arrives"},
    also=("PROD-2",),
    tests=("A Crash Of The Primary Is Told Once",),
)

LATER = 4.0


def plant() -> None:
    honest = Outbox.add

    def add(self: Outbox, *messages: Message) -> None:
        asyncio.get_running_loop().call_later(LATER, honest, self, *messages)

    Outbox.add = add  # type: ignore[method-assign]
