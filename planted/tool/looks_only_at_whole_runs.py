"""A suite that is run by itself begins without looking at the deployment."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.processes import part, runs_small_suites

EXPECTED = Expected(
    "UNGUARDED",
    {"PROD-7": "run without a replica does not say so"},
    tests=("A Suite That Is Run By Itself Looks Before Its First Test, Too",),
)


def plant() -> None:
    if runs_small_suites():
        vars(part("testbed"))["_look_at"] = lambda bed: None
