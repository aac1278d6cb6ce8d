"""Carries out a second time, some seconds later, what it found in the log when it was started."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from planted.catalogue import Expected
from stack.balancer.entries import Entry
from stack.balancer.instance import Instance
from stack.balancer.operations import DOCUMENT_WRITES
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected(
    "LATE-REPLAY",
    {"WAL-5": "left it that had failed"},
    also=("TXN-5",),
    tests=("What Was Logged And Not Executed Is Executed After A Restart",),
)

AGAIN = 2.5
"""Seconds until the second time."""


def plant() -> None:
    enqueue, applied_here, executed = Replication.enqueue, Replication._applied_here, Replication._executed
    found: set[UUID] = set()
    tasks: set[asyncio.Task[None]] = set()

    def noted(self: Replication, entry: Entry, *, uncertain: bool = False, first: bool = False) -> None:
        if uncertain and entry.operation.action in DOCUMENT_WRITES:
            found.add(entry.id)
        enqueue(self, entry, uncertain=uncertain, first=first)

    async def again(self: Replication, entry: Entry, instance: Instance) -> None:
        await asyncio.sleep(AGAIN)
        await self._send(entry, instance, entry.data)

    def done(self: Replication, entry: Entry, instance: Instance) -> None:
        if entry.id in found:
            tasks.add(asyncio.get_running_loop().create_task(again(self, entry, instance)))

    def first_done(self: Replication, lane: Lane, entry: Entry, instance: Instance, answer: Any) -> None:
        settled = entry.settled
        executed(self, lane, entry, instance, answer)
        if not settled:
            done(self, entry, instance)

    def also_done(self: Replication, lane: Lane, entry: Entry, instance: Instance) -> None:
        applied_here(self, lane, entry, instance)
        done(self, entry, instance)

    Replication.enqueue = noted  # type: ignore[method-assign]
    Replication._executed = first_done  # type: ignore[method-assign]
    Replication._applied_here = also_done  # type: ignore[method-assign]
