"""An overload leaves a trace, also of reads: in the metrics, and in the log, without flooding it."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from starlette.types import Message

from stack.balancer import status
from stack.balancer.app import Gateway
from stack.balancer.deployment import Deployment
from stack.balancer.refusals import Kind, Refusals


def test_a_refused_read_is_counted_and_logged() -> None:
    refusals = Refusals()
    settings = SimpleNamespace(max_concurrent_requests=0, request_queue_size=0, request_timeout=10.0)
    deployment = SimpleNamespace(settings=settings, refusals=refusals)
    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def nothing() -> Message:
        raise AssertionError("a body is not read for a refusal")

    async def read() -> None:
        scope = {"method": "GET", "path": "/api/v2/heartbeat", "query_string": b"", "headers": []}
        await Gateway(cast(Deployment, deployment)).serve(scope, nothing, send)

    asyncio.run(read())
    assert statuses == [503]
    assert refusals.counts == {Kind.READ: 1, Kind.WRITE: 0}


def test_the_metrics_tell_reads_and_writes_apart() -> None:
    refusals = Refusals()
    refusals.counts.update({Kind.READ: 3, Kind.WRITE: 1})
    told: Any = SimpleNamespace(
        instances=list,
        refusals=refusals,
        write_ahead_log=lambda: {"pending_writes": 0, "failed_writes": 0, "oldest_pending_seconds": 0.0},
        drift=SimpleNamespace(mended=0, undecided=0),
        resources=SimpleNamespace(batch_size=1, batch_bytes=1, memory_percent=1.0, memory_pressure_events=0),
    )
    registry = CollectorRegistry()
    registry.register(status._Metrics(told))
    lines = generate_latest(registry).decode().splitlines()
    assert 'balancer_refused_requests_total{kind="read"} 3.0' in lines
    assert 'balancer_refused_requests_total{kind="write"} 1.0' in lines


def test_the_log_has_the_first_at_once_and_the_others_together(caplog: pytest.LogCaptureFixture) -> None:
    async def overload() -> None:
        refusals = Refusals(0.05)
        refusals.note(Kind.READ)
        assert len(caplog.records) == 1
        for _ in range(100):
            refusals.note(Kind.READ)
        refusals.note(Kind.WRITE)
        assert len(caplog.records) == 1
        async with asyncio.timeout(5):
            while refusals._resting:  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # until it has nothing more to tell
        refusals.note(Kind.READ)

    with caplog.at_level(logging.WARNING):
        asyncio.run(overload())
    assert [record.getMessage() for record in caplog.records] == [
        "overload: 1 read refused; 1 in all since the start",
        "overload: 100 reads and 1 write refused; 102 in all since the start",
        "overload: 1 read refused; 103 in all since the start",
    ]
