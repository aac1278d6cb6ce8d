"""The wheel's PostgreSQL: by any driver, with a password, also as root and when its folder is closed."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg2
import pytest

from stack import postgres
from stack.postgres import PostgresServer, copied_binaries, installation
from stack.processes import end_leftovers
from stack.state import open_to_others
from tests.stack.running_stack import RunningStack


def test_a_driver_connects_by_the_dsn(stack: RunningStack) -> None:
    connection = psycopg2.connect(stack.values["DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), current_setting('server_version_num')::int / 10000")
        assert cursor.fetchone() == ("chroma", 18)
        cursor.execute("SHOW fsync")
        assert cursor.fetchone() == ("on",)
    connection.close()


def test_a_wrong_password_is_refused(stack: RunningStack) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(stack.values["DATABASE_URL"], password="wrong")


def test_it_never_runs_as_root(stack: RunningStack) -> None:
    assert psutil.Process(stack.pid("chroma-postgres")).uids().real != 0


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own are closed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "postgres"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_an_installation_that_is_closed_to_others_is_copied(home: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not open_to_others(closed)
    copy = replace(PostgresServer.new(home, 1), binaries=copied_binaries(home), source=installation())
    asyncio.run(copy.prepare())
    assert (copy.data / "PG_VERSION").read_text(encoding="ascii").strip() == "18"
    assert copy.data.stat().st_uid != 0
    assert not (home / "password").exists()


def test_nothing_is_written_any_more_once_its_preparation_was_called_off(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(source: str, target: str) -> None:
        time.sleep(0.001)  # per file of 800: as a disk does, so that what goes on copying is met at it
        shutil.copy2(source, target)

    monkeypatch.setattr(postgres, "_link_or_copy", slowly)
    copy = replace(PostgresServer.new(home, 1), binaries=copied_binaries(home), source=installation())

    async def call_off() -> None:
        preparing = asyncio.create_task(copy.prepare())
        async with asyncio.timeout(10):
            # Until it is at work, which sets no event of ours; or has failed, and then says so below.
            while not (copy.binaries.parent.exists() or preparing.done()):  # noqa: ASYNC110
                await asyncio.sleep(0)
        preparing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await preparing
        assert end_leftovers(home.parent, home.name)
        shutil.rmtree(home)

    asyncio.run(call_off())
    assert not home.exists()
