"""What the hosting provider's plans give and cost. Its API carries no prices, so here they are, with their date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

AS_OF = date(2025, 10, 1)
"""When these figures were public; they have to be looked up again when they are a year old."""


@dataclass(frozen=True)
class Tier:
    """A plan for one service.

    Attributes:
        monthly_cost: in USD.
    """

    name: str
    memory_mb: int
    cpu_cores: float
    monthly_cost: Decimal


TIERS = (
    Tier("free", 512, 0.1, Decimal(0)),
    Tier("starter", 512, 0.5, Decimal(7)),
    Tier("standard", 2048, 1.0, Decimal(25)),
    Tier("pro", 4096, 2.0, Decimal(85)),
    Tier("pro plus", 8192, 4.0, Decimal(175)),
    Tier("pro max", 16384, 4.0, Decimal(225)),
    Tier("pro ultra", 32768, 8.0, Decimal(450)),
)
"""From the smallest to the largest."""


def tier_with(memory_mb: float = 0.0, cpu_cores: float = 0.0) -> Tier:
    """Return the smallest paid plan that gives at least this much, or the largest one if none does."""
    paid = [tier for tier in TIERS if tier.monthly_cost]
    return next((tier for tier in paid if tier.memory_mb >= memory_mb and tier.cpu_cores >= cpu_cores), paid[-1])
