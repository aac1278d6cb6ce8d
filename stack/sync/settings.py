"""The environment variables that a coordinator or a worker is started with, validated all at once."""

from __future__ import annotations

import os
import socket
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_settings import BaseSettings

from ..balancer.settings import Count, DefaultBatchSize, HttpUrl, Percent, PostgresUrl, ReplicaUrl, Seconds


def _heard_in_time(value: float, info: ValidationInfo) -> float:
    silence = info.data.get("sync_heartbeat_timeout")  # missing if it is a mistake itself
    if silence is not None and value >= silence:
        raise ValueError(f"less than SYNC_HEARTBEAT_TIMEOUT, {silence:g}")
    return value


class CoordinatorSettings(BaseSettings):
    """Every variable with its default; those without one are required. Times are in seconds.

    Attributes:
        sync_chunk_size: how many documents a task has, at most.
        sync_heartbeat_timeout: after how long a silent worker loses its task.
        wal_sync_interval: from one look at the log to the next, if nobody asks for one earlier.
    """

    port: Annotated[int, Field(ge=1, le=65535)]
    database_url: PostgresUrl
    sync_chunk_size: Count = 1000
    sync_heartbeat_timeout: Seconds = 20.0
    wal_sync_interval: Seconds = 5.0


class WorkerSettings(BaseSettings):
    """As :class:`CoordinatorSettings`.

    Attributes:
        worker_id: its name in ``sync_workers``; no two workers may share one.
        default_batch_size, max_batch_size, max_memory_mb, memory_threshold_percent, resource_check_interval: how large
            requests to instances may be, as in the balancer.
        sync_heartbeat_interval: from one heartbeat to the next.
    """

    port: Annotated[int, Field(ge=1, le=65535)]
    database_url: PostgresUrl
    primary_url: HttpUrl
    replica_url: ReplicaUrl
    worker_id: Annotated[str, Field(min_length=1)] = f"{socket.gethostname()}-{os.getpid()}"
    max_batch_size: Count = 1000
    default_batch_size: DefaultBatchSize = 200
    max_memory_mb: Count = 512
    memory_threshold_percent: Percent = 85.0
    resource_check_interval: Seconds = 30.0
    sync_heartbeat_timeout: Seconds = 20.0
    sync_heartbeat_interval: Annotated[
        float, Field(gt=0, allow_inf_nan=False, validate_default=True), AfterValidator(_heard_in_time)
    ] = 5.0
    wal_sync_interval: Seconds = 5.0
