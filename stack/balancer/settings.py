"""The environment variables that the balancer is started with, validated all at once."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings


class Strategy(Enum):
    """Which in-line instance a read goes to."""

    OPTIMIZED_READ_REPLICA = "optimized_read_replica"
    PRIMARY_ONLY = "primary_only"
    ROUND_ROBIN = "round_robin"


class SyncMode(Enum):
    """Who brings an instance with a backlog in line."""

    TRADITIONAL = "traditional"
    DISTRIBUTED = "distributed"


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("an http:// or https:// URL")
    return value.rstrip("/")


def postgres_url(value: str) -> str:
    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("a postgresql:// URL")
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Percent = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class Settings(BaseSettings):
    """Every variable with its default; those without one are required. Times are in seconds."""

    port: Annotated[int, Field(ge=1, le=65535)]
    primary_url: HttpUrl
    replica_url: HttpUrl
    database_url: Annotated[str, AfterValidator(postgres_url)]
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
    default_batch_size: Count = 200
    max_batch_size: Count = 1000
    max_memory_mb: Count = 512
    memory_threshold_percent: Percent = 85.0
    cpu_threshold_percent: Percent = 80.0
    resource_check_interval: Seconds = 30.0

    @model_validator(mode="after")
    def _two_different_instances(self) -> Settings:
        if self.primary_url == self.replica_url:
            raise ValueError("REPLICA_URL must name another instance than PRIMARY_URL")
        return self


_KINDS = {"int_parsing": "a whole number", "int_from_float": "a whole number", "float_parsing": "a number"}
SECRET_FIELDS = {"database_url", "slack_webhook_url"}


def mistakes(error: ValidationError) -> list[str]:
    """Return one line for each invalid variable: its name, the value given, and what is allowed.

    Values of secret variables are not repeated.
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
        given = "the value given" if field in SECRET_FIELDS else repr(item["input"])
        lines.append(f"{name}: {given} is not allowed; allowed is {allowed}")
    return lines
