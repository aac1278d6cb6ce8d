"""Tries to send a message once, and never again."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.monitor.outbox import Message, Outbox

EXPECTED = Expected(
    "ALERT-MISSING",
    {"MON-3": "the alert about the primary"},
    tests=("A Failing Channel Slows Nothing And Loses Nothing",),
)


def plant() -> None:
    async def deliver(self: Outbox, message: Message) -> None:
        await self._post(message)

    Outbox._deliver = deliver  # type: ignore[method-assign]
