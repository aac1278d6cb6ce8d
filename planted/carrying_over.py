"""What the other instance is given of a write that one has executed: where many planted faults sit."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

import orjson

from stack.balancer import replication
from stack.balancer.entries import Entry
from stack.balancer.http_client import Answer
from stack.balancer.instance import Instance
from stack.balancer.operations import Action
from stack.balancer.replication import Replication

NEVER = 60.0
"""Seconds for which the preferred instance is waited for, before the others try a new write as well."""


def try_once() -> None:
    """Have a new write tried by one instance alone.

    The reference balancer has the others try what takes long, on a busy machine now and then anything. Nothing of that
    is carried over, and chance would decide whether a fault there is seen.
    """
    replication.HEDGE = NEVER


def change_what_is_carried_over(actions: Container[Action], change: Callable[[dict[str, Any]], None]) -> None:
    """Change the requests by which writes are carried over.

    Args:
        actions: of which kinds of writes.
        change: is given a request's payload, and changes it.
    """
    try_once()
    honest = Replication._send

    async def send(self: Replication, entry: Entry, instance: Instance, body: bytes) -> Answer:
        if entry.settled and entry.operation.action in actions:
            payload = orjson.loads(body)
            change(payload)
            body = orjson.dumps(payload)
        return await honest(self, entry, instance, body)

    Replication._send = send  # type: ignore[method-assign]
