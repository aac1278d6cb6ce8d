"""The environment variables that the monitor is started with, validated all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_settings import BaseSettings

from ..balancer.settings import Count, HttpUrl, Percent, PostgresUrl, Seconds


def _in_a_folder(file: Path) -> Path:
    if not file.parent.is_dir():
        raise ValueError("a file in a folder that exists")
    return file


def _at_least_the_lower(value: int, info: ValidationInfo) -> int:
    lower = info.data.get("backlog_threshold")  # missing if it is a mistake itself
    if lower is not None and value < lower:
        raise ValueError(f"at least BACKLOG_THRESHOLD, {lower}")
    return value


class Settings(BaseSettings):
    """Every variable with its default; those without one are required. Times are in seconds.

    Attributes:
        stack_state: the file in which the stack says which processes its services are.
        max_memory_mb, max_cpu_cores, max_disk_mb: what the plan gives each service.
        backlog_threshold, backlog_high_threshold: how many owed writes are worth a recommendation, and an urgent one.
        alert_cooldown: how long a recommendation is not repeated.
        status_interval: from one look at the instances to the next.
        webhook_timeout: how long Slack may take to answer.
        outbox_file: where the monitor remembers what it has told, in a folder that outlives it; without one, a monitor
            that is started again tells an outage that goes on once more.
    """

    port: Annotated[int, Field(ge=1, le=65535)]
    database_url: PostgresUrl
    balancer_url: HttpUrl
    stack_state: Path
    slack_webhook_url: HttpUrl | None = None
    resource_check_interval: Seconds = 30.0
    memory_threshold_percent: Percent = 85.0
    cpu_threshold_percent: Percent = 80.0
    backlog_threshold: Annotated[int, Field(ge=0)] = 1000
    backlog_high_threshold: Annotated[int, Field(ge=1, validate_default=True), AfterValidator(_at_least_the_lower)] = (
        5000
    )
    max_memory_mb: Count = 512
    max_cpu_cores: Annotated[float, Field(gt=0)] = 1.0
    max_disk_mb: Count = 1024
    alert_cooldown: Annotated[float, Field(ge=0)] = 3600.0
    status_interval: Seconds = 0.25
    webhook_timeout: Seconds = 2.0
    outbox_file: Annotated[Path, AfterValidator(_in_a_folder)] | None = None
