"""A test that has passed deletes nothing of what it created."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.processes import part, runs_small_suites

EXPECTED = Expected(
    "LEFT-BEHIND", {"PROD-5": "is left behind by a passed test"}, tests=("A Passed Test Leaves Nothing",)
)


def plant() -> None:
    if runs_small_suites():
        vars(part("checks.contents"))["delete_all"] = lambda bed, names: None
