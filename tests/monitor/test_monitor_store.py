"""What the monitor writes into a real PostgreSQL, whatever lies in the log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import asyncpg
import pytest

from stack.monitor.advice import Measured, Use
from stack.monitor.monitor import Monitor
from stack.monitor.settings import Settings
from stack.monitor.store import Store
from tests.stack.running_stack import ROOT, RunningStack

SEEN = Measured("chroma-primary", 100.0, 20.0, "chroma-primary", 10.0, "chroma-primary", 1.0, 0)


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    stack = RunningStack.start(tmp_path_factory.mktemp("logs"))
    yield stack
    stack.end()


@pytest.fixture
def dsn(_server: RunningStack) -> str:
    """A database with the schema, and nothing in it."""
    whole = _server.values["DATABASE_URL"]

    async def fresh() -> None:
        connection = await asyncpg.connect(whole)
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.execute((ROOT / "stack" / "balancer" / "schema.sql").read_text(encoding="utf-8"))
        await connection.close()

    asyncio.run(fresh())
    return whole


def with_database(dsn: str, work: Callable[[Any, Store], Awaitable[None]]) -> None:
    """Do some work with a connection and the store, and close both."""

    async def run() -> None:
        connection, store = await asyncpg.connect(dsn), Store(dsn)
        with contextlib.ExitStack() as closing:
            closing.callback(connection.terminate)
            await work(connection, store)
        await store.close()

    asyncio.run(run())


async def log(connection: Any, data: str, path: str = "/collections/one/add") -> None:
    """Put a row into the log that is synced everywhere."""
    await connection.execute(
        "INSERT INTO unified_wal_writes (write_id, method, path, data, status, lane) "
        "VALUES (gen_random_uuid(), 'POST', $1, $2, 'synced', 'one')",
        *(path, data),
    )


async def synced(connection: Any) -> list[int]:
    """Return what each row of measurements says of documents."""
    rows = await connection.fetch("SELECT total_documents_synced FROM performance_metrics ORDER BY metric_timestamp")
    return [row["total_documents_synced"] for row in rows]


def test_a_document_with_a_nul_is_counted_like_any_other(dsn: str) -> None:
    async def work(connection: Any, store: Store) -> None:
        await log(connection, r'{"ids": ["a", "b"], "documents": ["x\u0000y", "back\\u0000slash"]}')
        await store.write_metrics(SEEN)
        await log(connection, '{"ids": ["c"]}')
        await store.write_metrics(SEEN)
        assert await synced(connection) == [2, 3]

    with_database(dsn, work)


def test_a_row_that_nobody_can_read_stops_nothing(dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    async def work(connection: Any, store: Store) -> None:
        for data in ('{"ids": ["a"]}', '{"ids": ["secret"', '{"ids": ["b"]}', r'{"ids": ["\ud800"]}', '{"ids": ["c"]}'):
            await log(connection, data)
        await store.write_metrics(SEEN)
        await log(connection, '{"ids": ["d"]}')
        await store.write_metrics(SEEN)
        assert await synced(connection) == [3, 4]

    with_database(dsn, work)
    told = [record.getMessage() for record in caplog.records]
    assert [line for line in told if "row 2 " in line or "row 4 " in line] == told
    assert len(told) == 2
    assert "secret" not in caplog.text


def monitor_on(dsn: str, tmp_path: Path, uses: list[Use], **more: Any) -> tuple[Monitor, list[str]]:
    """Return a monitor of services that use this much, and the texts of what it tells Slack."""
    values: dict[str, Any] = {
        "port": 1,
        "database_url": dsn,
        "balancer_url": "http://127.0.0.1:9",
        "stack_state": tmp_path / "state.json",
    }
    one = Monitor(Settings(**values, **more), cast(aiohttp.ClientSession, None))
    inside = cast(Any, one)
    inside._sampler = SimpleNamespace(sample=lambda: uses)
    inside._pending_writes = _none_known
    told: list[str] = []
    inside._outbox = SimpleNamespace(
        add=lambda *messages: told.extend(message["text"] for message in messages), waiting=()
    )
    return one, told


async def _none_known() -> None:
    return None


def test_it_recommends_also_when_its_measurement_could_not_be_written(dsn: str, tmp_path: Path) -> None:
    async def work(connection: Any, store: Store) -> None:
        await connection.execute("DROP TABLE performance_metrics")
        one, told = monitor_on(dsn, tmp_path, [Use("chroma-primary", 500.0, 0.1, 1.0)])
        await one.measure_once()
        assert await connection.fetchval("SELECT count(*) FROM upgrade_recommendations") == 1
        assert len(told) == 1
        assert "PostgreSQL" in cast(Any, one)._away

    with_database(dsn, work)


FULL = [Use("chroma-primary", 500.0, 0.1, 1.0), Use("chroma-replica", 300.0, 0.1, 1.0)]


async def count_of(connection: Any) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM upgrade_recommendations"))


def test_what_was_written_and_not_told_is_told_by_the_next_monitor(dsn: str, tmp_path: Path) -> None:
    async def work(connection: Any, store: Store) -> None:
        file = tmp_path / "outbox.json"
        first, told = monitor_on(dsn, tmp_path, FULL, outbox_file=file)

        def crash(*messages: Any) -> None:
            raise KeyboardInterrupt

        cast(Any, first)._outbox = SimpleNamespace(add=crash, waiting=())
        with contextlib.suppress(KeyboardInterrupt):
            await first.measure_once()
        assert (await count_of(connection), told) == (1, [])
        second, told = monitor_on(dsn, tmp_path, FULL, outbox_file=file)
        await second.measure_once()
        await second.measure_once()
        assert await count_of(connection) == 1
        assert len(told) == 1
        assert "chroma-primary uses 500 MB" in told[0]
        cast(Any, second)._remember()
        third, told = monitor_on(dsn, tmp_path, FULL, outbox_file=file)
        await third.measure_once()
        assert (await count_of(connection), told) == (1, [])

    with_database(dsn, work)


def test_a_second_service_is_not_hidden_by_the_first_ones_cooldown(dsn: str, tmp_path: Path) -> None:
    async def work(connection: Any, store: Store) -> None:
        one, told = monitor_on(dsn, tmp_path, FULL)
        await one.measure_once()
        cast(Any, one)._sampler = SimpleNamespace(sample=lambda: [FULL[0], Use("chroma-replica", 480.0, 0.1, 1.0)])
        await one.measure_once()
        await one.measure_once()
        assert await count_of(connection) == 2
        assert [text.split(": ")[1].split(" uses ")[0] for text in told] == ["chroma-primary", "chroma-replica"]

    with_database(dsn, work)
