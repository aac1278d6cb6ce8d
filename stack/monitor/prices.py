"""What the hosting provider's plans give and cost. Its API carries no prices, so here they are, with their date.

The suites hold the bill to a table of their own, ``resources/prices.yaml``: who is tested and who tests share nothing.
That both say the same is tested.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

SOURCE = "https://render.com/pricing"
"""Where the prices are public."""
_LOOKED_UP = date(2026, 11, 23)
_BEFORE = date(2025, 10, 1)
"""When the larger plans, and disks, were last looked up; whoever recommends one says so."""
_OLDEST = timedelta(days=365)
_DISK_GB = Decimal("0.25")
"""What a GB of disk costs a month, beside the plan."""


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

    def is_old(self, today: date) -> bool:
        """Whether its price was looked up so long ago that it may well be another one now: more than a year."""
        return today - self.as_of > _OLDEST


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


def with_disk(tier: Tier, gb: int) -> Tier:
    """Return a plan with a disk of so many GB beside it: no plan has one, and each can have one of any size."""
    return replace(
        tier, name=f"{tier.name} with a disk of {gb} GB", monthly_cost=tier.monthly_cost + gb * _DISK_GB, as_of=_BEFORE
    )


def recommended_before(name: str, monthly_cost: Decimal) -> Tier:
    """Return a plan by what was written of it when it was recommended: its name and its cost then."""
    known = next((tier for tier in TIERS if tier.name == name), Tier(name, 0, 0.0, monthly_cost, _BEFORE))
    return replace(known, monthly_cost=monthly_cost)
