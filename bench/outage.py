"""What a crash of the primary costs: kill -9 under an open loop of writes, again and again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiohttp

RATE = 50.0
"""Writes per second, sent whether or not the earlier ones were answered."""
BEFORE, AFTER = 1.0, 4.0


@dataclass(frozen=True)
class Outage:
    """One crash.

    Attributes:
        first_ok: seconds from the kill to the first write that was sent after it and acknowledged.
        failed: writes that were not acknowledged.
        sent: writes sent in all.
    """

    first_ok: float
    failed: int
    sent: int


def _primary_pid(state: Path) -> int:
    services = json.loads(state.read_text(encoding="utf-8"))["services"]
    return int(next(s["pid"] for s in services if s["name"] == "chroma-primary"))


async def _collection(session: aiohttp.ClientSession, base: str) -> str:
    async with session.post(base, json={"name": f"bench-outage-{uuid4().hex[:8]}"}) as answer:
        answer.raise_for_status()
        return str((await answer.json())["id"])


async def crash_once(balancer_url: str, state: Path) -> Outage:
    """Kill the primary once under load; the stack starts it again by itself.

    Args:
        state: the stack's state file, which tells the primary's process id.
    """
    base = f"{balancer_url}/api/v2/tenants/default_tenant/databases/default_database/collections"
    outcomes: list[tuple[float, float, bool]] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
        url = f"{base}/{await _collection(session, base)}/add"

        async def write(number: int) -> None:
            sent = time.monotonic()
            record = {"ids": [f"d{number}"], "embeddings": [[float(number), 1.0]], "documents": ["text"]}
            try:
                async with session.post(url, json=record) as answer:
                    acknowledged = answer.status == 201
            except (aiohttp.ClientError, TimeoutError):
                acknowledged = False
            outcomes.append((sent, time.monotonic(), acknowledged))

        begin = time.monotonic()
        killed = 0.0
        writes = []
        for number in range(int(RATE * (BEFORE + AFTER))):
            due = begin + number / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not killed and due - begin >= BEFORE:
                os.kill(_primary_pid(state), signal.SIGKILL)
                killed = time.monotonic()
            writes.append(asyncio.create_task(write(number)))
        await asyncio.gather(*writes)
        await _until_healthy(session, balancer_url)
    first_ok = min((done for sent, done, ok in outcomes if ok and sent >= killed), default=float("inf")) - killed
    return Outage(first_ok, sum(not ok for _, _, ok in outcomes), len(outcomes))


async def _until_healthy(session: aiohttp.ClientSession, balancer_url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        async with session.get(f"{balancer_url}/wal/status") as wal, session.get(f"{balancer_url}/health") as health:
            if (await health.json())["status"] == "healthy" and (await wal.json())["pending_writes"] == 0:
                return
        await asyncio.sleep(0.05)
    raise RuntimeError("the deployment is not healthy again 30 s after the crash")
