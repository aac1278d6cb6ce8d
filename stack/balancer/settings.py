"""The environment variables that the balancer is started with, validated all at once."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo
from pydantic_settings import BaseSettings

from .addresses import http_url, masked, postgres_url, same_endpoint


class Strategy(Enum):
    """Which in-line instance a read goes to."""

    OPTIMIZED_READ_REPLICA = "optimized_read_replica"
    PRIMARY_ONLY = "primary_only"
    ROUND_ROBIN = "round_robin"


class SyncMode(Enum):
    """Who brings an instance with a backlog in line."""

    TRADITIONAL = "traditional"
    DISTRIBUTED = "distributed"


def _another_instance(value: str, info: ValidationInfo) -> str:
    primary = info.data.get("primary_url")  # missing if it is a mistake itself
    if primary is not None and same_endpoint(value, primary):
        raise ValueError("another instance than PRIMARY_URL")
    return value


def _at_most_the_largest(value: int, info: ValidationInfo) -> int:
    largest = info.data.get("max_batch_size")
    if largest is not None and value > largest:
        raise ValueError(f"at most MAX_BATCH_SIZE, {largest}")
    return value


HttpUrl = Annotated[str, AfterValidator(http_url)]
ReplicaUrl = Annotated[str, AfterValidator(http_url), AfterValidator(_another_instance)]
"""Stands after ``primary_url``: a field is compared with those before it, so that all mistakes are told at once."""
PostgresUrl = Annotated[str, AfterValidator(postgres_url)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
DefaultBatchSize = Annotated[int, Field(ge=1, validate_default=True), AfterValidator(_at_most_the_largest)]
"""Stands after ``max_batch_size``."""
Percent = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class Settings(BaseSettings):
    """Every variable with its default; those without one are required. Times are in seconds."""

    port: Annotated[int, Field(ge=1, le=65535)]
    primary_url: HttpUrl
    replica_url: ReplicaUrl
    database_url: PostgresUrl
    slack_webhook_url: HttpUrl | None = None
    load_balance_strategy: Strategy = Strategy.OPTIMIZED_READ_REPLICA
    read_replica_ratio: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.8
    check_interval: Seconds = 5.0
    failure_threshold: Count = 3
    request_timeout: Seconds = 15.0
    max_concurrent_requests: Count = 200
    request_queue_size: Annotated[int, Field(ge=0)] = 200
    sync_mode: SyncMode = SyncMode.TRADITIONAL
    wal_sync_interval: Seconds = 5.0
    drift_check_interval: Seconds = 300.0
    max_batch_size: Count = 1000
    default_batch_size: DefaultBatchSize = 200
    max_memory_mb: Count = 512
    memory_threshold_percent: Percent = 85.0
    cpu_threshold_percent: Percent = 80.0
    resource_check_interval: Seconds = 30.0


_KINDS = {"int_parsing": "a whole number", "int_from_float": "a whole number", "float_parsing": "a number"}
SECRET_FIELDS = {"database_url", "slack_webhook_url"}


def mistakes(error: ValidationError) -> list[str]:
    """Return one line for each invalid variable: its name, the value given, and what is allowed.

    Values of secret variables are not repeated, and no name or password in an address.
    """
    lines = []
    for item in error.errors():
        if not item["loc"]:
            lines.append(str(item["msg"]).removeprefix("Value error, "))
            continue
        field = str(item["loc"][0])
        name = field.upper()
        if item["type"] == "missing":
            lines.append(f"{name} is not set; it is required")
            continue
        allowed = _KINDS.get(
            item["type"], str(item["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
        )
        value = item["input"]
        shown = repr(masked(value) if isinstance(value, str) else value)
        given = "the value given" if field in SECRET_FIELDS else shown
        lines.append(f"{name}: {given} is not allowed; allowed is {allowed}")
    return lines
