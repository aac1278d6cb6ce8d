"""Reads go to any healthy instance, also to one that has not caught up."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.replication import Replication

EXPECTED = Expected(
    "STALE", {"FAIL-10": "were stale"}, also=OUTAGES, tests=("Nothing Stale Is Read While Instances Crash And Return",)
)


def plant() -> None:
    Replication.in_line = lambda self, instance, key: True  # type: ignore[method-assign]
