"""What the balancer says of itself: /health, /status, /wal/status, /collection/mappings, /metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import VERSION
from .deployment import Deployment
from .drift import Drift
from .journal import NotLogged
from .refusals import Refusals
from .resources import Resources

MOST_MAPPINGS = 1000


class Status:
    """The status endpoints.

    Args:
        deployment: what to tell about.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._registry = CollectorRegistry()
        self._registry.register(_Metrics(self))

    def routes(self) -> list[Route]:
        return [
            Route("/health", self._health),
            Route("/status", self._status),
            Route("/wal/status", self._wal_status),
            Route("/collection/mappings", self._mappings),
            Route("/metrics", self._metrics),
        ]

    def health(self) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the body of /health."""
        deployment = self._deployment
        healthy, total = deployment.healthy_instances, len(deployment.instances)
        if not healthy:
            word = "unhealthy"
        else:
            word = "healthy" if healthy == total and deployment.journal.available else "degraded"
        body = {"status": word, "healthy_instances": healthy, "total_instances": total}
        return (200 if healthy else 503), body

    def instances(self) -> list[dict[str, Any]]:
        return [
            {
                "name": instance.name,
                "healthy": instance.healthy,
                "request_count": instance.request_count,
                "consecutive_failures": instance.consecutive_failures,
                "last_health_check": instance.last_health_check.isoformat() if instance.last_health_check else None,
                "pending_writes": self._deployment.replication.pending(instance.name),
            }
            for instance in self._deployment.instances
        ]

    def load_balancer(self) -> dict[str, Any]:
        settings = self._deployment.settings
        return {
            "strategy": settings.load_balance_strategy.value,
            "mode": settings.sync_mode.value,
            "read_replica_ratio": settings.read_replica_ratio,
            "uptime_seconds": round(time.monotonic() - self._deployment.started, 3),
            "version": VERSION,
        }

    def write_ahead_log(self) -> dict[str, Any]:
        owed = self._deployment.replication.owed_entries()
        oldest = min((entry.created_at for entry in owed if entry.created_at), default=None)
        age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
        return {
            "pending_writes": len(owed),
            "failed_writes": self._deployment.journal.failed_writes,
            "oldest_pending_seconds": round(max(age, 0.0), 3),
        }

    @property
    def resources(self) -> Resources:
        """What the balancer itself uses, and the batch size that follows from it."""
        return self._deployment.resources

    @property
    def drift(self) -> Drift:
        """What the instances held otherwise than the log says."""
        return self._deployment.drift

    @property
    def refusals(self) -> Refusals:
        """What was refused as too many requests were there already."""
        return self._deployment.refusals

    async def _health(self, request: Request) -> Response:
        status, body = self.health()
        return JSONResponse(body, status)

    async def _status(self, request: Request) -> Response:
        deployment, resources = self._deployment, self.resources
        body = {
            "load_balancer": self.load_balancer(),
            "summary": {
                "healthy_instances": deployment.healthy_instances,
                "total_instances": len(deployment.instances),
            },
            "instances": self.instances(),
            "write_ahead_log": self.write_ahead_log(),
            "drift": {"mended_documents": self.drift.mended, "undecided_documents": self.drift.undecided},
            "resources": {
                "memory_percent": resources.memory_percent,
                "cpu_percent": resources.cpu_percent,
                "batch_size": resources.batch_size,
                "batch_bytes": resources.batch_bytes,
                "memory_pressure_events": resources.memory_pressure_events,
            },
        }
        return JSONResponse(body)

    async def _wal_status(self, request: Request) -> Response:
        split = [{"name": i["name"], "pending_writes": i["pending_writes"]} for i in self.instances()]
        return JSONResponse(self.write_ahead_log() | {"instances": split})

    async def _mappings(self, request: Request) -> Response:
        try:
            limit, offset = int(request.query_params.get("limit", 100)), int(request.query_params.get("offset", 0))
        except ValueError:
            limit = offset = -1
        if not (1 <= limit <= MOST_MAPPINGS and offset >= 0):
            message = f"limit must be 1 to {MOST_MAPPINGS} and offset 0 or more"
            return JSONResponse({"error": "InvalidArgumentError", "message": message}, 400)
        try:
            total, rows = await self._deployment.journal.mappings(limit, offset)
        except NotLogged:
            message = "the mapping cannot be read: PostgreSQL is away"
            return JSONResponse({"error": "ServiceUnavailable", "message": message}, 503)
        mappings = [{name: _plain(value) for name, value in row.items()} for row in rows]
        return JSONResponse({"mappings": mappings, "total": total, "limit": limit, "offset": offset})

    async def _metrics(self, request: Request) -> Response:
        return Response(generate_latest(self._registry), media_type="text/plain; version=0.0.4; charset=utf-8")


class _Metrics(Collector):
    """Reads the numbers when they are asked for, so that no gauge can be out of date."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        healthy = GaugeMetricFamily(
            "balancer_instance_healthy", "1 if the instance is served from", labels=["instance"]
        )
        pending = GaugeMetricFamily(
            "balancer_instance_pending_writes", "Logged writes the instance has not applied", labels=["instance"]
        )
        requests = CounterMetricFamily(
            "balancer_instance_requests", "Client requests the instance has answered", labels=["instance"]
        )
        for instance in self._status.instances():
            healthy.add_metric([instance["name"]], float(instance["healthy"]))
            pending.add_metric([instance["name"]], instance["pending_writes"])
            requests.add_metric([instance["name"]], instance["request_count"])
        yield from (healthy, pending, requests)
        refused = CounterMetricFamily(
            "balancer_refused_requests", "Requests refused as too many were there already", labels=["kind"]
        )
        for kind, number in self._status.refusals.counts.items():
            refused.add_metric([kind.value], number)
        yield refused
        wal = self._status.write_ahead_log()
        yield GaugeMetricFamily(
            "balancer_wal_pending_writes", "Logged writes not applied everywhere", wal["pending_writes"]
        )
        yield GaugeMetricFamily("balancer_wal_failed_writes", "Logged writes an instance refuses", wal["failed_writes"])
        yield GaugeMetricFamily(
            "balancer_wal_oldest_pending_seconds", "Age of the oldest pending write", wal["oldest_pending_seconds"]
        )
        drift = self._status.drift
        yield CounterMetricFamily(
            "balancer_drift_mended_documents", "Documents brought in line with the log again", drift.mended
        )
        yield GaugeMetricFamily(
            "balancer_drift_undecided_documents", "Documents that differ, and the log can't tell", drift.undecided
        )
        resources = self._status.resources
        yield GaugeMetricFamily(
            "balancer_batch_size", "Documents that one request to an instance may join", resources.batch_size
        )
        yield GaugeMetricFamily(
            "balancer_batch_bytes", "Bytes of the rows that one request may join", resources.batch_bytes
        )
        yield GaugeMetricFamily(
            "balancer_memory_percent", "Memory of this process, of MAX_MEMORY_MB", resources.memory_percent
        )
        yield CounterMetricFamily(
            "balancer_memory_pressure_events",
            "Samples above MEMORY_THRESHOLD_PERCENT",
            resources.memory_pressure_events,
        )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)
