"""Coordinator and workers as processes, between a PostgreSQL of their own and an instance that the test plays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import psycopg2
import pytest

from stack.balancer import statements
from tests.balancer.balanced_deployment import BASE, BalancedDeployment
from tests.balancer.conftest import free_port
from tests.stack.running_stack import ROOT, until

_NUMBERS = count(1)
_SETTINGS = {
    "SYNC_CHUNK_SIZE": "20",
    "SYNC_HEARTBEAT_INTERVAL": "0.5",
    "SYNC_HEARTBEAT_TIMEOUT": "2",
    "WAL_SYNC_INTERVAL": "0.5",
    "PRIMARY_URL": "http://127.0.0.1:1",
}


class _Replica(ThreadingHTTPServer):
    """An instance that notes which worker sent what to which collection, and holds the first request on demand.

    A slow reader holds it before it has read more than its head, and what is cut short it only counts.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str, list[str]]] = []
        self.statuses: dict[str, int] = {}
        self.reads_slowly, self.cut_short = False, 0
        self.reached, self.go_on = threading.Event(), threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        replica = self.server
        assert isinstance(replica, _Replica)
        if replica.reads_slowly:
            replica.reached.set()
            replica.go_on.wait(20)
        length = int(self.headers["content-length"])
        if len(text := self.rfile.read(length)) < length:
            replica.cut_short += 1
            return
        body = json.loads(text)
        worker, collection = self.path.split("/")[1], self.path.split("/")[-2]
        replica.seen.append((worker, collection, body["documents"]))
        replica.reached.set()
        replica.go_on.wait(20)
        self.send_response(replica.statuses.get(collection, 200))
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Sync:
    """The processes of distributed sync, and the tables they work on."""

    def __init__(self, dsn: str, replica: _Replica, logs: Path) -> None:
        self._dsn, self._logs, self.replica = dsn, logs, replica
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._session = psycopg2.connect(dsn)
        self._session.autocommit = True
        self.sql(statements.SCHEMA)

    def sql(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        with self._session.cursor() as cursor:
            cursor.execute(query, arguments or None)
            return list(cursor.fetchall()) if cursor.description else []

    @contextmanager
    def one_commit(self) -> Iterator[None]:
        """Have several statements take effect together."""
        self.sql("BEGIN")
        yield
        self.sql("COMMIT")

    @contextmanager
    def another_session(self) -> Iterator[Any]:
        """A transaction of somebody else, rolled back at the end."""
        session = psycopg2.connect(self._dsn)
        with session.cursor() as cursor:
            yield cursor
        session.rollback()
        session.close()

    def start(self, *names: str) -> None:
        """Start workers, and whoever is called coordinator as that."""
        for name in names:
            settings = _SETTINGS | {"PORT": str(free_port()), "DATABASE_URL": self._dsn, "WORKER_ID": name}
            settings["REPLICA_URL"] = f"http://127.0.0.1:{self.replica.server_port}/{name}"
            part = "coordinator" if name == "coordinator" else "worker"
            with (self._logs / f"{name}.log").open("wb") as log:
                self._processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "stack.sync", part], cwd=ROOT, env=dict(os.environ) | settings, stderr=log
                )

    def log(self, name: str) -> str:
        return (self._logs / f"{name}.log").read_text()

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        process = psutil.Process(self._processes[name].pid)
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def collection(self, name: str) -> tuple[str, str]:
        """Map a collection; return the id that clients use, and the replica's own."""
        ours, own = str(uuid4()), str(uuid4())
        self.sql(
            "INSERT INTO collection_id_mapping (collection_id, collection_name, tenant, database, lane, "
            "primary_collection_id, replica_collection_id) "
            "VALUES (%s, %s, 'default_tenant', 'default_database', %s, gen_random_uuid(), %s)",
            *(ours, name, name, own),
        )
        return ours, own

    def hand_over(self, collection: str, name: str, versions: Sequence[int], padding: int = 0) -> None:
        """Hand over rows that the primary has executed: versions of one document, each with spaces at its end."""
        for version in versions:
            body = {"ids": ["x"], "embeddings": [[1.0]], "documents": [f"version {version}" + " " * padding]}
            self.sql(
                "INSERT INTO unified_wal_writes (write_id, method, path, data, status, collection_name, collection_id, "
                "lane, executed_on, synced_instances, executed_at, handed_to) VALUES (gen_random_uuid(), 'POST', %s, "
                "%s, 'executed', %s, %s, %s, 'primary', '{primary}', now(), 'replica')",
                *(f"{BASE}/{collection}/upsert", json.dumps(body), name, collection, name),
            )
        self.sql("SELECT pg_notify('sync_handed', '')")

    def until_true(self, what: str, question: str, seconds: float = 15.0) -> None:
        until(what, lambda: self.sql(question) == [(True,)], seconds)

    def end(self) -> None:
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(10)
        self._session.close()


@pytest.fixture
def sync(_shared: BalancedDeployment, tmp_path: Path) -> Iterator[_Sync]:
    replica = _Replica()
    with _shared.another_database(f"sync_{next(_NUMBERS)}") as dsn:
        parts = _Sync(dsn, replica, tmp_path)
        yield parts
        replica.go_on.set()
        parts.end()
    replica.shutdown()
    replica.server_close()


_ALL_DONE = "SELECT NOT EXISTS (SELECT 1 FROM unified_wal_writes WHERE status <> 'synced')"


def test_a_worker_that_thaws_sends_nothing_of_a_task_that_another_one_has_finished(sync: _Sync) -> None:
    collection, _ = sync.collection("c")
    sync.start("coordinator", "first")
    sync.hand_over(collection, "c", range(40))
    assert sync.replica.reached.wait(15)
    with sync.frozen("first"):
        sync.replica.go_on.set()
        sync.start("second")
        sync.until_true("the second one has done it all", _ALL_DONE)
    sync.until_true("the first is heard", "SELECT worker_status = 'active' FROM sync_workers WHERE worker_id = 'first'")
    until("it notices", lambda: "is not this worker's any more" in sync.log("first"))
    assert len([worker for worker, *_ in sync.replica.seen if worker == "first"]) == 1, "what was on its way"
    assert sync.replica.seen[-1] == ("second", sync.replica.seen[0][1], ["version 39"])


def test_a_worker_that_thaws_in_the_middle_of_a_request_does_not_complete_it(sync: _Sync) -> None:
    collection, _ = sync.collection("c")
    sync.replica.reads_slowly = True
    sync.start("coordinator", "first")
    # More than the system takes off a process that nobody reads from.
    sync.hand_over(collection, "c", range(1), padding=30_000_000)
    assert sync.replica.reached.wait(15)
    with sync.frozen("first"):
        sync.replica.go_on.set()
        sync.start("second")
        sync.until_true("the second one has done it all", _ALL_DONE)
    until("it notices", lambda: "is not this worker's any more" in sync.log("first"))
    assert [worker for worker, *_ in sync.replica.seen] == ["second"]
    assert sync.replica.cut_short == 1


def test_a_collection_that_its_target_fails_on_keeps_no_other_one_waiting(sync: _Sync) -> None:
    (bad, its_own), (good, _) = sync.collection("bad"), sync.collection("good")
    sync.replica.statuses[its_own] = 500
    sync.replica.go_on.set()
    sync.start("coordinator", "only")
    sync.hand_over(bad, "bad", range(3))
    assert sync.replica.reached.wait(15)
    sync.hand_over(good, "good", range(3))
    query = "SELECT count(*) = 3 FROM unified_wal_writes WHERE collection_name = '{}' AND status = 'synced'"
    sync.until_true("the good one is done", query.format("good"))
    sync.replica.statuses.clear()
    sync.until_true("and the other one too, in the end", query.format("bad"))


def test_a_lost_collection_that_is_there_again_is_not_written_to_by_rows_of_the_first_one(sync: _Sync) -> None:
    collection, own = sync.collection("c")
    sync.replica.statuses[own] = 404
    sync.replica.go_on.set()
    sync.start("coordinator", "only")
    sync.hand_over(collection, "c", range(3))
    assert sync.replica.reached.wait(15)
    # As the balancer does when it fills a collection again.
    again = str(uuid4())
    with sync.one_commit():
        sync.sql("UPDATE unified_wal_writes SET handed_to = NULL")
        sync.sql("UPDATE sync_tasks SET task_status = 'failed'")
    sync.sql("UPDATE collection_id_mapping SET replica_collection_id = %s", again)
    # Whichever of the two it finds out first.
    reasons = ("is not this worker's any more", "the target has got anew")
    until("it lets go of the task", lambda: any(reason in sync.log("only") for reason in reasons))
    assert {to for _, to, _ in sync.replica.seen} == {own}


def test_a_worker_that_stops_in_the_middle_of_a_commit_keeps_nobody_waiting(sync: _Sync) -> None:
    stuck, good = sync.collection("stuck")[0], sync.collection("good")[0]
    sync.replica.go_on.set()
    sync.start("coordinator", "only")
    sync.until_true("it is heard", "SELECT count(*) = 1 FROM sync_workers")
    # What a frozen worker's session holds.
    with sync.one_commit():
        sync.sql(
            "INSERT INTO sync_tasks (collection_id, collection_name, target_instance, chunk_start_offset, "
            "chunk_end_offset, task_status, worker_id) VALUES (%s, 'stuck', 'replica', 0, 1, 'processing', 'frozen')",
            stuck,
        )
        sync.sql(
            "INSERT INTO sync_workers (worker_id, worker_status, last_heartbeat, lease) "
            "VALUES ('frozen', 'active', clock_timestamp() - interval '60 s', '2 s')"
        )
    with sync.another_session() as session:
        session.execute("UPDATE sync_tasks SET documents_done = 1 WHERE worker_id = 'frozen'")
        sync.hand_over(good, "good", range(3))
        sync.until_true("the others go on", _ALL_DONE, 4)
        query = "SELECT worker_status = 'inactive' FROM sync_workers WHERE worker_id = 'frozen'"
        sync.until_true("it is known to be silent", query, 5)


def test_a_coordinator_that_is_frozen_is_not_at_work(sync: _Sync) -> None:
    sync.start("coordinator", "only")
    sync.until_true("both are at work", statements.SYNC_AT_WORK)
    with sync.frozen("coordinator"):
        sync.until_true("it is missed", f"SELECT NOT ({statements.SYNC_AT_WORK.strip().removeprefix('SELECT')})", 5)
    sync.until_true("both are at work again", statements.SYNC_AT_WORK)
