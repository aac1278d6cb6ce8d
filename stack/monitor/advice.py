"""When a larger plan is due: pure decisions, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum

from .prices import Tier, tier_with

HIGH_PERCENT = 95.0
"""Above this much of what the plan gives, a recommendation is urgent."""
_DISK_PERCENT = 85.0
_ROOM = 1.25
"""A recommended plan leaves a quarter of what is used now as room to grow."""


class Kind(Enum):
    """What there is too little of, in the words of the table."""

    MEMORY = "memory"
    CPU = "cpu"
    DISK = "disk"
    PERFORMANCE = "performance"
    """More writes are owed than are carried out."""


class Urgency(IntEnum):
    """How urgent a recommendation is; a larger number is more urgent."""

    MEDIUM = 1
    HIGH = 2

    @property
    def word(self) -> str:
        """As the table has it."""
        return self.name.lower()


@dataclass(frozen=True)
class Use:
    """What one service uses.

    Attributes:
        cpu_cores: 1.0 is one core, busy all the time.
        disk_mb: the size of its data; 0 if it keeps none.
    """

    service: str
    memory_mb: float
    cpu_cores: float
    disk_mb: float


@dataclass(frozen=True)
class Plan:
    """What each service is given, and from where on that is too little. Percentages are of what is given."""

    memory_mb: float
    cpu_cores: float
    disk_mb: float
    memory_threshold_percent: float
    cpu_threshold_percent: float
    backlog_threshold: int
    backlog_high_threshold: int


@dataclass(frozen=True)
class Measured:
    """The fullest and the busiest service, in percent of what the plan gives, and what is owed.

    Attributes:
        memory_mb, memory_percent: of the service that uses most memory.
        pending_writes: None if the balancer did not tell.
    """

    memory_service: str
    memory_mb: float
    memory_percent: float
    cpu_service: str
    cpu_percent: float
    disk_service: str
    disk_percent: float
    pending_writes: int | None


@dataclass(frozen=True)
class Recommendation:
    """One row of upgrade_recommendations.

    Attributes:
        current_usage: in percent of the plan; for performance, the number of owed writes.
    """

    kind: Kind
    current_usage: float
    tier: Tier
    reason: str
    urgency: Urgency

    @property
    def monthly_cost(self) -> Decimal:
        """In USD."""
        return self.tier.monthly_cost


def measured(uses: list[Use], plan: Plan, pending_writes: int | None) -> Measured:
    """Return the extremes of what the services use.

    Args:
        uses: at least one.
    """
    fullest = max(uses, key=lambda use: use.memory_mb)
    busiest = max(uses, key=lambda use: use.cpu_cores)
    largest = max(uses, key=lambda use: use.disk_mb)
    return Measured(
        fullest.service,
        fullest.memory_mb,
        100 * fullest.memory_mb / plan.memory_mb,
        busiest.service,
        100 * busiest.cpu_cores / plan.cpu_cores,
        largest.service,
        100 * largest.disk_mb / plan.disk_mb,
        pending_writes,
    )


def urgency(value: float, threshold: float, high: float) -> Urgency | None:
    """Return how urgent a value is: not at all up to the threshold, and high above both."""
    if value <= threshold:
        return None
    return Urgency.HIGH if value > high else Urgency.MEDIUM


def recommendations(seen: Measured, plan: Plan) -> list[Recommendation]:
    """Return what is recommended now; nothing on a calm system."""
    found = []
    if level := urgency(seen.memory_percent, plan.memory_threshold_percent, HIGH_PERCENT):
        tier = tier_with(memory_mb=_ROOM * seen.memory_mb)
        used = (
            f"{seen.memory_service} uses {seen.memory_mb:.0f} MB, {seen.memory_percent:.0f} % of {plan.memory_mb:g} MB"
        )
        found.append(Recommendation(Kind.MEMORY, seen.memory_percent, tier, used, level))
    if level := urgency(seen.cpu_percent, plan.cpu_threshold_percent, HIGH_PERCENT):
        tier = tier_with(cpu_cores=_ROOM * plan.cpu_cores * seen.cpu_percent / 100)
        used = f"{seen.cpu_service} uses {seen.cpu_percent:.0f} % of {plan.cpu_cores:g} CPU"
        found.append(Recommendation(Kind.CPU, seen.cpu_percent, tier, used, level))
    if level := urgency(seen.disk_percent, _DISK_PERCENT, HIGH_PERCENT):
        used = f"{seen.disk_service} uses {seen.disk_percent:.0f} % of a disk of {plan.disk_mb:g} MB"
        found.append(Recommendation(Kind.DISK, seen.disk_percent, tier_with(plan.memory_mb), used, level))
    owed = seen.pending_writes
    if owed is not None and (level := urgency(owed, plan.backlog_threshold, plan.backlog_high_threshold)):
        tier = tier_with(plan.memory_mb, cpu_cores=_ROOM * plan.cpu_cores)
        found.append(Recommendation(Kind.PERFORMANCE, owed, tier, f"{owed} logged writes are owed", level))
    return found


@dataclass(frozen=True)
class Given:
    """The last recommendation of a kind."""

    urgency: Urgency
    at: datetime


def is_due(wanted: Recommendation, earlier: Mapping[Kind, Given], now: datetime, cooldown: timedelta) -> bool:
    """Whether a recommendation is given: not again within its cooldown, unless it has become more urgent."""
    last = earlier.get(wanted.kind)
    return last is None or now - last.at >= cooldown or wanted.urgency > last.urgency
