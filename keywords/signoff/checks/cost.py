"""What a deployment costs: the plans that its control plane tells, by a table of prices that has a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from ..clients.render import Service
from ..environment import RESOURCES
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import listing

PRICES = RESOURCES / "prices.yaml"
OLDEST = timedelta(days=365)
_GB = 1e9


@dataclass(frozen=True)
class DatabasePlan:
    """What a plan of PostgreSQL costs, in USD a month, and the storage it includes, in GB of 10^9 bytes."""

    price: float
    storage_gb: float


@dataclass(frozen=True)
class Prices:
    """A table of prices, in USD a month for each instance, by the plan's name.

    Attributes:
        as_of: the day they were looked up.
        source: where.
    """

    as_of: date
    source: str
    services: Mapping[str, float]
    postgres: Mapping[str, DatabasePlan]

    def of(self, service: Service) -> float:
        """Return what all instances of a service cost a month.

        Raises:
            CouldNotObserve: if the table lacks its plan, or nobody tells how many instances it has.
        """
        if service.instances is None:
            raise CouldNotObserve(f"the control plane does not tell how many instances {service.name} has")
        if service.kind == "postgres":
            return self.database_plan(service).price * service.instances
        if service.plan not in self.services:
            raise self._lacks(service, self.services)
        return self.services[service.plan] * service.instances

    def database_plan(self, service: Service) -> DatabasePlan:
        """Return the plan of a database.

        Raises:
            CouldNotObserve: if the table lacks it.
        """
        if service.plan not in self.postgres:
            raise self._lacks(service, self.postgres)
        return self.postgres[service.plan]

    def _lacks(self, service: Service, known: Mapping[str, object]) -> CouldNotObserve:
        return CouldNotObserve(
            f"{PRICES.name} has no price of the plan {service.plan}, which {service.name} has; under {service.kind} it "
            f"knows {listing(sorted(known), 9)}"
        )


def load_prices(today: date, file: Path = PRICES) -> Prices:
    """Read a table of prices.

    Args:
        today: what its age is judged by.

    Raises:
        CouldNotObserve: if it is not what it should be, or older than a year.
    """
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        prices = Prices(
            as_of=_day(raw["as_of"]),
            source=str(raw["source"]),
            services={str(plan): _amount(price) for plan, price in raw["services"].items()},
            postgres={
                str(plan): DatabasePlan(_amount(values["price"]), _amount(values["storage_gb"]))
                for plan, values in raw["postgres"].items()
            },
        )
    except OSError as error:
        raise CouldNotObserve(f"the table of prices {file} can't be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CouldNotObserve(f"the table of prices {file} is not what it should be: {reason}") from None
    if prices.as_of > today:
        raise CouldNotObserve(f"the prices in {file.name} are of {prices.as_of}, which is yet to come")
    if today - prices.as_of > OLDEST:
        raise CouldNotObserve(
            f"the prices in {file.name} are of {prices.as_of}, more than a year ago; look them up again at "
            f"{prices.source}"
        )
    return prices


def _day(value: Any) -> date:
    if type(value) is not date:
        raise ValueError(f"as_of is {value!r}, and not a day")
    return value


def _amount(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < 1e6:
        raise ValueError(f"{value!r} is no amount")
    return float(value)


@dataclass(frozen=True)
class Bill:
    """What a deployment costs.

    Attributes:
        total: in USD a month.
        items: each service with its plan and cost, in words.
        as_of: the day of the prices.
        roles: whose services were counted.
    """

    total: float
    items: tuple[str, ...]
    as_of: date
    roles: tuple[str, ...] = ()


def bill(services: Mapping[str, Service], prices: Prices) -> Bill:
    """Add up what services cost.

    Args:
        services: by role.

    Raises:
        CouldNotObserve: if a price is missing.
    """
    costs = {role: prices.of(service) for role, service in services.items()}
    items = tuple(
        f"{role} {_times(services[role].instances)}{services[role].plan} {cost:g} USD" for role, cost in costs.items()
    )
    return Bill(sum(costs.values()), items, prices.as_of, tuple(costs))


def _times(number: int | None) -> str:
    return "" if number in (1, None) else f"{number} × "


def within_budget(bed: Testbed) -> Bill:
    """Check that the plans of all services of the environment cost no more than MONTHLY_BUDGET.

    Raises:
        NotMet: if they cost more.
        NotTested: if the environment has no control plane.
        CouldNotObserve: if a plan or a price can't be told.
    """
    seen = bill(_services(bed), load_prices(date.today()))
    budget = bed.environment.limits.monthly_budget
    if seen.total > budget:
        costly = f"the plans cost {seen.total:g} USD a month and the budget is {budget:g}: {listing(seen.items, 20)}"
        raise NotMet(VerdictClass.OVER_BUDGET.says(costly))
    return seen


def _services(bed: Testbed) -> dict[str, Service]:
    return {role: bed.render.service(role) for role in bed.render.roles}


def database_fits(bed: Testbed) -> str:
    """Check that the database is smaller than the storage of its plan; return both in words.

    Raises:
        NotMet: if it is not.
        NotTested: if the environment has no control plane.
        CouldNotObserve: if the plan or the size can't be told.
    """
    service = bed.render.service("postgres")
    allowed = load_prices(date.today()).database_plan(service).storage_gb
    return judge_size(bed.database.size(), allowed, service.plan)


def judge_size(size: int, allowed_gb: float, plan: str) -> str:
    """Return in words that a database fits its plan.

    Args:
        size: in bytes.

    Raises:
        NotMet: if it doesn't.
    """
    words = f"database {size / 1e6:,.0f} MB of {allowed_gb:g} GB (plan {plan})"
    if size >= allowed_gb * _GB:
        large = f"the database has {size / _GB:.2f} GB, and its plan {plan} includes {allowed_gb:g} GB"
        raise NotMet(VerdictClass.OVER_BUDGET.says(large))
    return words
