"""What the balancer says of itself, read through the environment's dialect: strictly, and never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..environment import Dialect, value_at
from ..verdict import CouldNotObserve
from .wire import Reply, Wire

_PAGE = 100


@dataclass(frozen=True)
class Health:
    """An answer of /health, with its HTTP status and the seconds it took."""

    http_status: int
    status: str
    healthy_instances: int
    total_instances: int
    elapsed: float


@dataclass(frozen=True)
class InstanceStatus:
    """One instance, as /status tells it. ``name`` is our role: primary or replica."""

    name: str
    healthy: bool
    request_count: int
    consecutive_failures: int
    last_health_check: datetime
    pending_writes: int


@dataclass(frozen=True)
class Status:
    """An answer of /status."""

    strategy: str
    mode: str
    read_replica_ratio: float
    uptime_seconds: float
    version: str
    healthy_instances: int
    total_instances: int
    instances: Mapping[str, InstanceStatus]
    pending_writes: int
    failed_writes: int
    oldest_pending_seconds: float
    batch_size: int
    memory_percent: float
    cpu_percent: float
    memory_pressure_events: int

    def __str__(self) -> str:
        states = ", ".join(f"{i.name} {'healthy' if i.healthy else 'not healthy'}" for i in self.instances.values())
        return (
            f"{self.healthy_instances} of {self.total_instances} instances healthy ({states}), "
            f"{self.pending_writes} writes pending"
        )


@dataclass(frozen=True)
class CollectionMapping:
    """One row of the collection mapping: a name and each instance's own id of it."""

    name: str
    primary_id: str | None
    replica_id: str | None


class Balancer:
    """The balancer's own endpoints.

    Args:
        url: its base URL.
        dialect: where the values are.
        timeout: how long an answer may take.
    """

    def __init__(self, url: str, dialect: Dialect, timeout: timedelta = timedelta(seconds=10)) -> None:
        self.wire = Wire("the balancer", url, timeout=timeout)
        self._dialect = dialect

    def health(self) -> Health:
        """Return /health; 503 is an answer too."""
        reply = self.wire.get(self._dialect.paths["health"])
        answer = _json(reply, 200, 503)
        get = _Reader(answer, self._dialect.health, "/health")
        return Health(
            reply.status,
            get.typed("status", str),
            get.typed("healthy_instances", int),
            get.typed("total_instances", int),
            reply.elapsed,
        )

    def status(self) -> Status:
        """Return /status, every value of the contract present and of its type."""
        reply = self.wire.get(self._dialect.paths["status"])
        get = _Reader(_json(reply, 200), self._dialect.status, "/status")
        items = get.typed("instances", list)
        found = [self._instance(item) for item in items]
        instances = {item.name: item for item in found}
        if len(instances) != len(found):
            raise CouldNotObserve(f"/status names an instance twice: {', '.join(item.name for item in found)}")
        for role in self._dialect.instances:
            if role not in instances:
                raise CouldNotObserve(f"/status has no instance {self._dialect.instances[role]}")
        return Status(
            strategy=get.typed("strategy", str),
            mode=get.typed("mode", str),
            read_replica_ratio=get.number("read_replica_ratio"),
            uptime_seconds=get.number("uptime_seconds"),
            version=get.typed("version", str),
            healthy_instances=get.typed("healthy_instances", int),
            total_instances=get.typed("total_instances", int),
            instances=instances,
            pending_writes=get.typed("pending_writes", int),
            failed_writes=get.typed("failed_writes", int),
            oldest_pending_seconds=get.number("oldest_pending_seconds"),
            batch_size=get.typed("batch_size", int),
            memory_percent=get.number("memory_percent"),
            cpu_percent=get.number("cpu_percent"),
            memory_pressure_events=get.typed("memory_pressure_events", int),
        )

    def pending_in_wal_status(self) -> int:
        """Return the pending writes that /wal/status shows."""
        answer = _json(self.wire.get(self._dialect.paths["wal_status"]), 200)
        return int(_Reader(answer, self._dialect.wal_status, "/wal/status").typed("pending_writes", int))

    def pending_in_metrics(self) -> int:
        """Return the pending writes that /metrics shows."""
        return int(self.metric("pending_writes"))

    def metric(self, name: str) -> float:
        """Return a value that /metrics shows.

        Args:
            name: our name of it, as under dialect.metrics.
        """
        reply = self.wire.get(self._dialect.paths["metrics"])
        if reply.status != 200:
            raise CouldNotObserve(f"the balancer answered /metrics with {reply.status}: {reply.text}")
        return metric(reply.body.decode("utf-8", "replace"), self._dialect.metrics[name])

    def mappings(self) -> list[CollectionMapping]:
        """Return the mapping of every collection, all pages."""
        found: list[CollectionMapping] = []
        while True:
            reply = self.wire.get(self._dialect.paths["mappings"], {"limit": _PAGE, "offset": len(found)})
            items = _Reader(_json(reply, 200), self._dialect.mappings, "/collection/mappings").typed("items", list)
            found += [self._mapping(item) for item in items]
            if len(items) < _PAGE:
                return found

    def old_heartbeat(self) -> Reply:
        """Return the answer of the version 1 heartbeat, whatever it is."""
        return self.wire.get(self._dialect.paths["old_heartbeat"])

    def _mapping(self, item: object) -> CollectionMapping:
        where = "a mapping of /collection/mappings"
        names = self._dialect.mappings
        ids = [value_at(item, names[key], where) for key in ("primary_id", "replica_id")]
        name = value_at(item, names["name"], where)
        if not isinstance(name, str) or not all(isinstance(id, str | None) for id in ids):
            raise CouldNotObserve(f"{where} has a name or an id that is not a text: {item}")
        return CollectionMapping(name, ids[0], ids[1])

    def _instance(self, item: object) -> InstanceStatus:
        get = _Reader(item, self._dialect.instance, "an instance in /status")
        own_name = get.typed("name", str)
        roles = {name: role for role, name in self._dialect.instances.items()}
        try:
            checked = datetime.fromisoformat(get.typed("last_health_check", str))
        except ValueError:
            raise CouldNotObserve(f"/status has a last health check of {own_name} that is no time") from None
        return InstanceStatus(
            name=roles.get(own_name, own_name),
            healthy=get.typed("healthy", bool),
            request_count=get.typed("request_count", int),
            consecutive_failures=get.typed("consecutive_failures", int),
            last_health_check=checked.astimezone(),
            pending_writes=get.typed("pending_writes", int),
        )


def metric(text: str, name: str) -> float:
    """Return the value of an unlabelled metric in Prometheus' text format.

    Raises:
        CouldNotObserve: if it is not there exactly once, or is no number.
    """
    values = [line.split() for line in text.splitlines() if line.split(" ", 1)[0] == name]
    if len(values) != 1 or len(values[0]) < 2:
        raise CouldNotObserve(f"/metrics has no {name}")
    try:
        return float(values[0][1])
    except ValueError:
        raise CouldNotObserve(f"/metrics has the value {values[0][1]} for {name}, which is no number") from None


class _Reader:
    """Reads values by our names from an answer."""

    def __init__(self, answer: object, paths: Mapping[str, str], where: str) -> None:
        self._answer = answer
        self._paths = paths
        self._where = where

    def typed(self, name: str, kind: type) -> Any:
        value = value_at(self._answer, self._paths[name], self._where)
        # Exactly this type: True is an int to Python, and no number to a reader.
        if type(value) is not kind:
            raise self._wrong(name, value)
        return value

    def number(self, name: str) -> float:
        value = value_at(self._answer, self._paths[name], self._where)
        if type(value) not in (int, float):
            raise self._wrong(name, value)
        return float(value)

    def _wrong(self, name: str, value: object) -> CouldNotObserve:
        return CouldNotObserve(
            f"{self._where} has {value!r} at {self._paths[name]}, which is not what the contract says"
        )


def _json(reply: Reply, *allowed: int) -> Any:
    if reply.status not in allowed:
        raise CouldNotObserve(f"the balancer answered with {reply.status}: {reply.text}")
    return reply.json()
