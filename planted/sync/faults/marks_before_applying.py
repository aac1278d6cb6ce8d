"""Calls rows synced, and sends nothing of them."""

from __future__ import annotations

from typing import Any

from stack.balancer.http_client import Answer
from stack.sync.worker import Worker


def plant() -> None:
    async def send(self: Worker, *arguments: Any) -> Answer:
        return Answer(200, b"{}", {})

    Worker._send = send  # type: ignore[assignment, method-assign]
