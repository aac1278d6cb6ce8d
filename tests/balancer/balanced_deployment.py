"""A whole deployment around the reference balancer, and what a test needs to work on it, break it and look inside.

Whatever is asserted is read from the instances themselves, by each one's own UUID, and from the tables.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import psutil
import psycopg2
import requests

from stack.processes import belonging_to
from tests.stack.running_stack import RunningStack, until

REFERENCE_BALANCER = f"{shlex.quote(sys.executable)} -m stack.balancer"
PRIMARY, REPLICA, BALANCER, POSTGRES = "chroma-primary", "chroma-replica", "chroma-balancer", "chroma-postgres"
COORDINATOR, WORKERS = "sync-coordinator", ("sync-worker-1", "sync-worker-2")
BASE = "/api/v2/tenants/default_tenant/databases/default_database/collections"

Document = tuple[str | None, dict[str, Any] | None, tuple[float, ...]]
Documents = dict[str, Document]
"""Document text, metadata and embedding by document id."""

_RENDER_PATHS = {
    PRIMARY: ("services", "PRIMARY_SERVICE_ID"),
    REPLICA: ("services", "REPLICA_SERVICE_ID"),
    POSTGRES: ("postgres", "POSTGRES_ID"),
    COORDINATOR: ("services", "SYNC_COORDINATOR_SERVICE_ID"),
    WORKERS[0]: ("services", "SYNC_WORKER_1_SERVICE_ID"),
    WORKERS[1]: ("services", "SYNC_WORKER_2_SERVICE_ID"),
}


def vector(seed: int) -> list[float]:
    """Return an embedding of three numbers that a float32 holds exactly."""
    return [float(seed % 1024), float(seed // 1024), 1.0]


def record(token: int, *ids: str) -> dict[str, Any]:
    """Return the body of an add or upsert in which every field of every document carries the token."""
    return {
        "ids": list(ids),
        "documents": [f"text {token} of {i}" for i in ids],
        "metadatas": [{"token": token, "of": i} for i in ids],
        "embeddings": [vector(token) for _ in ids],
    }


def documents(token: int, *ids: str) -> Documents:
    """Return what the instances hold after :func:`record` was applied."""
    return {i: (f"text {token} of {i}", {"token": token, "of": i}, tuple(vector(token))) for i in ids}


class BalancedDeployment:
    """A running stack with the reference balancer.

    Args:
        logs: log folder.
        settings: variables of the balancer, by name.
    """

    def __init__(self, logs: Path, **settings: str) -> None:
        options = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        self.stack = RunningStack.start(logs, "--suspends-per-minute", "1000", *options, balancer=REFERENCE_BALANCER)
        self.urls = {
            PRIMARY: self.stack.values["PRIMARY_URL"],
            REPLICA: self.stack.values["REPLICA_URL"],
            BALANCER: self.stack.values["BALANCER_URL"],
        }
        self.logs = logs

    # Through the balancer

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        session: str | None = None,
        seconds: float = 15.0,
    ) -> requests.Response:
        """Send one request to the balancer; a path that does not start with "/api" is below the collections."""
        if not path.startswith(("/api", "/health", "/status", "/wal", "/metrics", "/collection/")):
            path = BASE + path
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        headers = {"content-type": "application/json"} | ({"x-session-id": session} if session else {})
        return requests.request(method, self.urls[BALANCER] + path, data=data, headers=headers, timeout=seconds)

    def create(self, name: str, **more: Any) -> str:
        """Create a collection and return the id that clients use."""
        answer = self.call("POST", "", {"name": name, **more})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def change(self, verb: str, collection: str, body: Mapping[str, Any], session: str | None = None) -> None:
        """Change documents; the request must be acknowledged."""
        answer = self.call("POST", f"/{collection}/{verb}", body, session=session)
        assert answer.status_code in (200, 201), f"{verb}: {answer.status_code} {answer.text}"

    def seen(self, collection: str) -> Documents:
        """Return what a client reads through the balancer."""
        answer = self.call("POST", f"/{collection}/get", {"include": ["documents", "metadatas", "embeddings"]})
        assert answer.status_code == 200, answer.text
        return _documents(answer.json())

    def health(self) -> dict[str, Any]:
        return dict(self.call("GET", "/health").json())

    def status(self) -> dict[str, Any]:
        return dict(self.call("GET", "/status").json())

    def requests_counted(self) -> int:
        """Return how many client requests the instances have served, by the balancer's word."""
        return sum(int(instance["request_count"]) for instance in self.status()["instances"])

    # Past the balancer

    def names_on(self, service: str) -> set[str]:
        """Return the collection names on one instance."""
        answer = requests.get(f"{self.urls[service]}{BASE}?limit=1000", timeout=15)
        assert answer.status_code == 200, answer.text
        return {str(item["name"]) for item in answer.json()}

    def own_id(self, service: str, name: str) -> str | None:
        """Return an instance's own UUID of a collection, or None if it says that there is none."""
        answer = requests.get(f"{self.urls[service]}{BASE}/{name}", timeout=15)
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def held_by(self, service: str, name: str) -> Documents | None:
        """Return what one instance holds of a collection, or None if it has no such collection."""
        own_id = self.own_id(service, name)
        if own_id is None:
            return None
        answer = requests.post(
            f"{self.urls[service]}{BASE}/{own_id}/get",
            json={"include": ["documents", "metadatas", "embeddings"]},
            timeout=15,
        )
        assert answer.status_code == 200, answer.text
        return _documents(answer.json())

    def sql(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        connection = psycopg2.connect(self.stack.values["DATABASE_URL"])
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(query, arguments)
                return list(cursor.fetchall())
        finally:
            connection.close()

    @contextmanager
    def another_database(self, name: str) -> Iterator[str]:
        """An empty database on the same PostgreSQL for a while; gives its DSN."""
        connection = psycopg2.connect(self.stack.values["DATABASE_URL"])
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            try:
                yield f"{self.stack.values['DATABASE_URL'].rsplit('/', 1)[0]}/{name}"
            finally:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.close()

    def transactions(self, session: str) -> list[tuple[str, int | None]]:
        """Return status and response status of the transactions of a session, in the order of their logging."""
        query = "SELECT status, response_status FROM emergency_transaction_log WHERE client_session = %s"
        return [(str(status), code) for status, code in self.sql(query + " ORDER BY created_at", session)]

    # Waiting

    def until_settled(self, seconds: float = 20.0) -> None:
        """Wait until both instances are healthy and nothing is owed, by the balancer's word and by the tables."""

        def unsettled() -> str:
            try:
                health, status = self.health(), self.status()
                rows = self.sql(
                    "SELECT status, path, error_message FROM unified_wal_writes WHERE status IN ('pending', 'executed')"
                )
                attempts = self.sql("SELECT path FROM emergency_transaction_log WHERE status = 'ATTEMPTING'")
            except (requests.RequestException, psycopg2.OperationalError, ValueError) as error:
                return f"cannot be seen: {error}"
            if health["status"] != "healthy" or status["write_ahead_log"]["pending_writes"]:
                return f"{health} {status['write_ahead_log']} {status['instances']}"
            return f"rows {rows[:5]}, transactions {attempts[:5]}" if rows or attempts else ""

        last = ""

        def settled() -> bool:
            nonlocal last
            last = unsettled()
            return not last

        try:
            until("both instances are healthy and nothing is owed", settled, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}") from None

    def expect(self, name: str, expected: Documents | None) -> None:
        """Compare both instances with what is expected; everything is settled before."""
        self.until_settled()
        for service in (PRIMARY, REPLICA):
            held = self.held_by(service, name)
            assert held == expected, f"{name} on {service}: {_difference(held, expected)}"

    def until_healthy_instances(self, count: int, seconds: float = 10.0) -> None:
        until(f"{count} healthy instances", lambda: self.health()["healthy_instances"] == count, seconds)

    # Breaking

    def suspend(self, *services: str) -> None:
        """Stop services through the Render API and wait until the balancer knows it."""
        for service in services:
            self._render(service, "suspend")
        for service in services:
            self.stack.until_stopped(service)
        names = {service.removeprefix("chroma-") for service in services}

        def known() -> bool:
            return not any(i["healthy"] for i in self.status()["instances"] if i["name"] in names)

        until(f"the balancer sees that {names} is down", known)

    def resume(self, *services: str) -> None:
        """Start services again; returns when the processes answer, which is before they are in line."""
        for service in services:
            self._render(service, "resume")
        for service in services:
            self.stack.until_live(service)

    def _render(self, service: str, verb: str) -> None:
        kind, value = _RENDER_PATHS[service]
        answer = self.stack.render("POST", f"/{kind}/{self.stack.values[value]}/{verb}")
        assert answer.status_code == 202, answer.text

    @contextmanager
    def without(self, *services: str) -> Iterator[None]:
        """Have services stopped for a while, and everything settled afterwards."""
        self.suspend(*services)
        try:
            yield
        finally:
            self.resume(*services)
        self.until_settled()

    def kill(self, service: str) -> None:
        """SIGKILL a service with all its processes; the supervisor starts it again after a second."""
        # The listener is the service's first process; PostgreSQL's children end with their postmaster.
        self.stack.until_live(service)
        os.kill(self.stack.pid(service), signal.SIGKILL)

    def restart_balancer(self) -> None:
        """SIGKILL the balancer; returns when its successor answers."""
        before = self.stack.pid(BALANCER)
        self.kill(BALANCER)
        until("another balancer is live", lambda: self.stack.service(BALANCER).pid not in (before, None))
        self.stack.until_live(BALANCER)

    @contextmanager
    def frozen(self, service: str) -> Iterator[None]:
        """SIGSTOP all processes of a service for a while."""
        self.stack.until_live(service)
        processes: Sequence[psutil.Process] = belonging_to(self.stack.folder, service)
        assert processes
        try:
            for process in processes:
                process.suspend()
            yield
        finally:
            for process in belonging_to(self.stack.folder, service):
                process.resume()

    def balancer_log(self) -> str:
        return (self.logs / f"{BALANCER}.log").read_text(errors="replace")

    def end(self) -> None:
        self.stack.end()


def _documents(answer: Mapping[str, Any]) -> Documents:
    columns = (answer["ids"], answer["documents"], answer["metadatas"], answer["embeddings"])
    return {i: (text, metadata, tuple(embedding)) for i, text, metadata, embedding in zip(*columns, strict=True)}


def _difference(held: Documents | None, expected: Documents | None) -> str:
    if held is None or expected is None:
        return f"held {None if held is None else len(held)}, expected {None if expected is None else len(expected)}"
    lost, extra = sorted(expected.keys() - held.keys()), sorted(held.keys() - expected.keys())
    changed = {i: (held[i], expected[i]) for i in held.keys() & expected.keys() if held[i] != expected[i]}
    samples = dict(list(changed.items())[:3])
    return f"missing {lost[:5]} ({len(lost)}), unexpected {extra[:5]} ({len(extra)}), different {samples}"
