"""What the hosting provider's plans give and cost. Its API carries no prices, so here they are, with their date.

The suites hold the bill to a table of their own, ``resources/prices.yaml``: who is tested and who tests share nothing.
That both say the same is tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

SOURCE = "https://render.com/pricing"
"""Where the prices are public."""
_LOOKED_UP = date(2026, 11, 23)
_BEFORE = date(2025, 10, 1)
"""When the larger plans were last looked up; whoever recommends one says so."""


@dataclass(frozen=True)
class Tier:
    """A plan for one service.

    Attributes:
        monthly_cost: the list price for each instance, in USD.
        as_of: the day on which that was looked up.
    """

    name: str
    memory_mb: int
    cpu_cores: float
    monthly_cost: Decimal
    as_of: date


TIERS = (
    Tier("free", 512, 0.1, Decimal(0), _LOOKED_UP),
    Tier("starter", 512, 0.5, Decimal(7), _LOOKED_UP),
    Tier("standard", 2048, 1.0, Decimal(25), _LOOKED_UP),
    Tier("pro", 4096, 2.0, Decimal(85), _BEFORE),
    Tier("pro plus", 8192, 4.0, Decimal(175), _BEFORE),
    Tier("pro max", 16384, 4.0, Decimal(225), _BEFORE),
    Tier("pro ultra", 32768, 8.0, Decimal(450), _BEFORE),
)
"""From the smallest to the largest."""


def tier_with(memory_mb: float = 0.0, cpu_cores: float = 0.0) -> Tier:
    """Return the smallest paid plan that gives at least this much, or the largest one if none does."""
    paid = [tier for tier in TIERS if tier.monthly_cost]
    return next((tier for tier in paid if tier.memory_mb >= memory_mb and tier.cpu_cores >= cpu_cores), paid[-1])
