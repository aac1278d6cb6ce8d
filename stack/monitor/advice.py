"""When a larger plan is due: pure decisions, from what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum

from .prices import Tier, tier_with, with_disk

HIGH_PERCENT = 95.0
"""Above this much of what the plan gives, a recommendation is urgent."""
_DISK_PERCENT = 85.0
_MB_OF_A_GB = 1024
_USES = " uses "
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
        uses: what each service uses.
    """

    memory_service: str
    memory_mb: float
    memory_percent: float
    cpu_service: str
    cpu_percent: float
    disk_service: str
    disk_percent: float
    pending_writes: int | None
    uses: tuple[Use, ...] = ()


@dataclass(frozen=True)
class Recommendation:
    """One row of upgrade_recommendations.

    Attributes:
        current_usage: in percent of the plan; for performance, the number of owed writes.
        reason: begins with the service and " uses ", if it is about one.
    """

    kind: Kind
    current_usage: float
    tier: Tier
    reason: str
    urgency: Urgency

    @property
    def service(self) -> str:
        """Whom it is about; "" if it is about the deployment. The table has no column for that: the reason tells."""
        name, uses, _ = self.reason.partition(_USES)
        return name if uses else ""

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
        tuple(uses),
    )


def urgency(value: float, threshold: float, high: float) -> Urgency | None:
    """Return how urgent a value is: not at all up to the threshold, and high above both."""
    if value <= threshold:
        return None
    return Urgency.HIGH if value > high else Urgency.MEDIUM


def recommendations(seen: Measured, plan: Plan, today: date | None = None) -> list[Recommendation]:
    """Return what is recommended now, for each service that needs it; nothing on a calm system.

    Args:
        today: what the age of a price is judged by; the day it is, by default.
    """
    day = today or datetime.now(UTC).date()
    found = []
    for use in seen.uses:
        found += _for_service(use, plan, day)
    owed = seen.pending_writes
    if owed is not None and (level := urgency(owed, plan.backlog_threshold, plan.backlog_high_threshold)):
        wanted = _Wanted(plan.memory_mb, _ROOM * plan.cpu_cores)
        found.append(_recommendation(Kind.PERFORMANCE, owed, wanted, f"{owed} logged writes are owed", level, day))
    return found


@dataclass(frozen=True)
class _Wanted:
    """What a plan has to give."""

    memory_mb: float
    cpu_cores: float


def _for_service(use: Use, plan: Plan, day: date) -> list[Recommendation]:
    found = []
    percent = 100 * use.memory_mb / plan.memory_mb
    if level := urgency(percent, plan.memory_threshold_percent, HIGH_PERCENT):
        wanted = _Wanted(max(_ROOM * use.memory_mb, _more_than(plan.memory_mb)), plan.cpu_cores)
        used = f"{use.service}{_USES}{use.memory_mb:.0f} MB, {percent:.0f} % of {plan.memory_mb:g} MB"
        found.append(_recommendation(Kind.MEMORY, percent, wanted, used, level, day))
    percent = 100 * use.cpu_cores / plan.cpu_cores
    if level := urgency(percent, plan.cpu_threshold_percent, HIGH_PERCENT):
        wanted = _Wanted(plan.memory_mb, max(_ROOM * use.cpu_cores, _more_than(plan.cpu_cores)))
        used = f"{use.service}{_USES}{percent:.0f} % of {plan.cpu_cores:g} CPU"
        found.append(_recommendation(Kind.CPU, percent, wanted, used, level, day))
    percent = 100 * use.disk_mb / plan.disk_mb
    if level := urgency(percent, _DISK_PERCENT, HIGH_PERCENT):
        # A larger plan has no larger disk: a disk has a size and a price of its own.
        gb = math.ceil(max(_ROOM * use.disk_mb, _more_than(plan.disk_mb)) / _MB_OF_A_GB)
        tier = with_disk(tier_with(plan.memory_mb, plan.cpu_cores), gb)
        used = f"{use.service}{_USES}{percent:.0f} % of a disk of {plan.disk_mb:g} MB"
        found.append(Recommendation(Kind.DISK, percent, tier, used + _age(tier, day), level))
    return found


def _more_than(given: float) -> float:
    """Return the least amount that is more: what is there already is no advice, whatever the threshold is."""
    return math.nextafter(given, math.inf)


def _recommendation(
    kind: Kind, usage: float, wanted: _Wanted, reason: str, level: Urgency, day: date
) -> Recommendation:
    tier = tier_with(wanted.memory_mb, wanted.cpu_cores)
    enough = tier.memory_mb >= wanted.memory_mb and tier.cpu_cores >= wanted.cpu_cores
    largest = "" if enough else f"; no plan gives as much as that needs, and {tier.name} is the largest"
    return Recommendation(kind, usage, tier, reason + largest + _age(tier, day), level)


def _age(tier: Tier, day: date) -> str:
    if not tier.is_old(day):
        return ""
    return f"; the price of {tier.name} was looked up on {tier.as_of.isoformat()}, more than a year ago"


@dataclass(frozen=True)
class Given:
    """The last recommendation of a kind for a service."""

    urgency: Urgency
    at: datetime


Subject = tuple[str, Kind]
"""What a cooldown is for: a service, and what it has too little of."""


def subject(wanted: Recommendation) -> Subject:
    """Return what the cooldown of a recommendation is for."""
    return wanted.service, wanted.kind


def is_due(wanted: Recommendation, earlier: Mapping[Subject, Given], now: datetime, cooldown: timedelta) -> bool:
    """Whether a recommendation is given: not again within its cooldown, unless it has become more urgent."""
    last = earlier.get(subject(wanted))
    return last is None or now - last.at >= cooldown or wanted.urgency > last.urgency
