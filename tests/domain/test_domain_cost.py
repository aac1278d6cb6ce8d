"""Prices have a date and no gaps, and a bill adds up."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from signoff.checks.cost import PRICES, Bill, bill, judge_size, load_prices
from signoff.clients.render import Service
from signoff.verdict import CouldNotObserve, NotMet

TABLE = """
as_of: 2026-01-31
source: https://example.com
services: {free: 0, starter: 7}
postgres: {free: {price: 0, storage_gb: 1}}
"""


def _service(plan: str, instances: int | None = 1, kind: str = "services") -> Service:
    return Service("srv-1", "one", kind, False, plan, instances)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "prices.yaml"
    file.write_text(TABLE)
    return file


def test_a_bill_multiplies_by_instances(file: Path) -> None:
    prices = load_prices(date(2026, 2, 1), file)
    services = {
        "balancer": _service("starter", 3),
        "replica": _service("free"),
        "postgres": _service("free", 1, "postgres"),
    }
    items = ("balancer 3 × starter 21 USD", "replica free 0 USD", "postgres free 0 USD")
    assert bill(services, prices) == Bill(21.0, items, date(2026, 1, 31), ("balancer", "replica", "postgres"))


def test_a_number_of_instances_that_nobody_tells_is_not_one(file: Path) -> None:
    prices = load_prices(date(2026, 2, 1), file)
    with pytest.raises(CouldNotObserve, match="does not tell how many instances one has"):
        bill({"balancer": _service("starter", None)}, prices)


@pytest.mark.parametrize("kind", ["services", "postgres"])
def test_a_plan_without_a_price_is_no_plan_for_nothing(file: Path, kind: str) -> None:
    prices = load_prices(date(2026, 2, 1), file)
    with pytest.raises(CouldNotObserve, match=f"no price of the plan pro, which one has; under {kind} it knows free"):
        bill({"primary": _service("pro", 1, kind)}, prices)


def test_a_table_is_used_for_a_year(file: Path) -> None:
    load_prices(date(2027, 1, 31), file)
    with pytest.raises(CouldNotObserve, match="more than a year ago; look them up again at https:"):
        load_prices(date(2027, 2, 1), file)
    with pytest.raises(CouldNotObserve, match="yet to come"):
        load_prices(date(2026, 1, 30), file)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("2026-01-31", "lately"), ("starter: 7", "starter: cheap"), ("starter: 7", "starter: -7"), ("storage_gb", "size")],
)
def test_a_table_that_is_none_says_so(file: Path, wrong: str, right: str) -> None:
    file.write_text(TABLE.replace(wrong, right))
    with pytest.raises(CouldNotObserve, match="is not what it should be"):
        load_prices(date(2026, 2, 1), file)


def test_a_missing_table_says_so(tmp_path: Path) -> None:
    with pytest.raises(CouldNotObserve, match="can't be read"):
        load_prices(date(2026, 2, 1), tmp_path / "none.yaml")


def test_our_own_table_is_one() -> None:
    assert load_prices(date(2026, 12, 1), PRICES).services["free"] == 0


def test_a_database_has_to_be_smaller_than_its_plan() -> None:
    assert judge_size(10_400_000, 1, "free") == "database 10 MB of 1 GB (plan free)"
    with pytest.raises(NotMet, match=r"the database has 1\.00 GB, and its plan free includes 1 GB"):
        judge_size(1_000_000_000, 1, "free")
