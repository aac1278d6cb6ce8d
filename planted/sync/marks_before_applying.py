"""Calls rows synced, and sends nothing of them."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from planted.reach import SYNC_WORKERS
from stack.balancer.http_client import Answer
from stack.sync.worker import Worker

EXPECTED = Expected(
    "LOST", {"SYNC-1": "is missing"}, also=SYNC_WORKERS, tests=("A Backlog Is Cut Into Tasks And Carried Out Once",)
)


def plant() -> None:
    async def send(self: Worker, *arguments: Any) -> Answer:
        return Answer(200, b"{}", {})

    Worker._send = send  # type: ignore[assignment, method-assign]
