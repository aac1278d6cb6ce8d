"""Tries to send a message once, and never again."""

from __future__ import annotations

from stack.monitor.outbox import Message, Outbox


def plant() -> None:
    async def deliver(self: Outbox, message: Message) -> None:
        await self._post(message)

    Outbox._deliver = deliver  # type: ignore[method-assign]
