"""The environment variables that a coordinator or a worker is started with, validated all at once."""

from __future__ import annotations

import os
import socket
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings

from ..balancer.settings import Count, HttpUrl, Percent, Seconds, postgres_url


class CoordinatorSettings(BaseSettings):
    """Every variable with its default; those without one are required. Times are in seconds.

    Attributes:
        sync_chunk_size: how many documents a task has, at most.
        sync_heartbeat_timeout: after how long a silent worker loses its task.
        wal_sync_interval: from one look at the log to the next, if nobody asks for one earlier.
    """

    port: Annotated[int, Field(ge=1, le=65535)]
    database_url: Annotated[str, AfterValidator(postgres_url)]
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
    database_url: Annotated[str, AfterValidator(postgres_url)]
    primary_url: HttpUrl
    replica_url: HttpUrl
    worker_id: Annotated[str, Field(min_length=1)] = f"{socket.gethostname()}-{os.getpid()}"
    default_batch_size: Count = 200
    max_batch_size: Count = 1000
    max_memory_mb: Count = 512
    memory_threshold_percent: Percent = 85.0
    resource_check_interval: Seconds = 30.0
    sync_heartbeat_interval: Seconds = 5.0
    sync_heartbeat_timeout: Seconds = 20.0
    wal_sync_interval: Seconds = 5.0

    @model_validator(mode="after")
    def _heard_in_time(self) -> WorkerSettings:
        if self.sync_heartbeat_interval >= self.sync_heartbeat_timeout:
            raise ValueError(
                f"SYNC_HEARTBEAT_INTERVAL: {self.sync_heartbeat_interval:g} is not allowed; allowed is less than "
                f"SYNC_HEARTBEAT_TIMEOUT, {self.sync_heartbeat_timeout:g}"
            )
        return self
