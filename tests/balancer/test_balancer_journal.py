"""The journal against a PostgreSQL of its own: a connection lost at the worst moment, and much to write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count, pairwise
from uuid import uuid4

import asyncpg
import pytest

from stack.balancer import statements
from stack.balancer.entries import Entry, State
from stack.balancer.journal import MARKS_AT_ONCE, Journal, Refusal, _refusal_columns
from stack.balancer.operations import read_operation
from tests.balancer.balanced_deployment import BASE, BalancedDeployment
from tests.stack.running_stack import until

_NUMBERS = count(1)


@pytest.fixture
def dsn(shared_deployment: BalancedDeployment) -> Iterator[str]:
    """An empty database on the deployment's PostgreSQL."""
    with shared_deployment.another_database(f"journal_{next(_NUMBERS)}") as dsn:
        yield dsn


@asynccontextmanager
async def _opened(dsn: str) -> AsyncIterator[tuple[Journal, asyncpg.Connection]]:
    """A journal at work, and a session to look into its tables."""
    journal = Journal(dsn, ["primary", "replica"], lambda _: None, 0.2)
    await journal.open()
    connection = await asyncpg.connect(dsn)
    try:
        yield journal, connection
    finally:
        await connection.close()
        await journal.close()


async def _until(what: str, look: Callable[[], bool], seconds: float = 10.0) -> None:
    await asyncio.to_thread(until, what, look, seconds)


def _entry() -> Entry:
    operation = read_operation("POST", f"{BASE}/{uuid4()}/upsert")
    assert operation is not None
    return Entry(operation, b"{}", "lane", None, None, None)


def test_a_connection_that_is_lost_again_while_a_lost_commit_is_settled_ends_nothing(dsn: str) -> None:
    async def settle_twice() -> None:
        async with _opened(dsn) as (journal, connection):
            entry = _entry()
            refusal = Refusal(entry.id, None, "POST", entry.operation.path, b"{}", 503, "lost", entry)
            # The first settling was committed, and its answer was lost as well.
            await connection.fetch(statements.RECORD_REFUSALS, *_refusal_columns([refusal]))
            journal._lost(None)
            journal.refused(refusal)
            await _until("PostgreSQL is back", lambda: journal.available)
            after = _entry()
            await journal.append(after)
            assert after.seq

    asyncio.run(settle_twice())


def test_many_marks_are_written_in_the_order_of_the_log_in_commits_that_end(dsn: str) -> None:
    async def mark() -> list[asyncpg.Record]:
        async with _opened(dsn) as (journal, connection):
            entries = [_entry() for _ in range(2 * MARKS_AT_ONCE + 1)]
            await connection.executemany(
                "INSERT INTO unified_wal_writes (write_id, method, path, lane) VALUES ($1, 'POST', '/', '')",
                [(entry.id,) for entry in entries],
            )
            seqs = {row["write_id"]: row["seq"] for row in await connection.fetch("TABLE unified_wal_writes")}
            for entry in reversed(entries):
                entry.seq = seqs[entry.id]
                entry.state, entry.executed_on, entry.applied = State.EXECUTED, "primary", {"primary"}
                journal.changed(entry)
            await _until("all are written", lambda: not journal._unwritten)
            assert not journal._dirty_entries
            return list(
                await connection.fetch(
                    "SELECT count(*), min(seq), max(seq) FROM unified_wal_writes WHERE status = 'executed' "
                    "GROUP BY xmin ORDER BY max(executed_at)"
                )
            )

    commits = asyncio.run(mark())
    assert sum(commit["count"] for commit in commits) == 2 * MARKS_AT_ONCE + 1
    assert all(commit["count"] <= MARKS_AT_ONCE for commit in commits)
    assert all(a["max"] < b["min"] for a, b in pairwise(commits))


def test_refusals_keep_as_many_bytes_as_there_is_room_for_and_each_has_its_row(
    dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("stack.balancer.journal.MOST_KEPT_BYTES", 1_000_000)
    monkeypatch.setattr("stack.balancer.journal.REFUSED_BYTES_AT_ONCE", 150_000)
    monkeypatch.setattr("stack.balancer.journal.MOST_REFUSALS", 250)

    async def refuse() -> list[asyncpg.Record]:
        async with _opened(dsn) as (journal, connection):
            for _ in range(2):
                journal._lost(None)
                for _ in range(251):
                    journal.refused(Refusal(uuid4(), None, "POST", BASE, b"x" * 100_000, 503, "away"))
                await _until("all are written", lambda: journal.available and not journal._refusals)
            return list(
                await connection.fetch(
                    "SELECT count(*), count(data) AS whole FROM emergency_transaction_log GROUP BY xmin ORDER BY 1"
                )
            )

    commits = asyncio.run(refuse())
    assert sum(commit["count"] for commit in commits) == 500
    assert [commit["whole"] for commit in commits if commit["whole"]] == [1] * 20
    assert [r.getMessage()[:24] for r in caplog.records if r.levelname == "ERROR"] == ["refused and not recorded"] * 2
