"""Says nothing of the collections that an interrupted run left behind."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.processes import part, signs_off

EXPECTED = Expected(
    "UNGUARDED", {"PROD-8": "was left over was not told"}, tests=("A Run That Is Interrupted Mends What It Broke",)
)


def plant() -> None:
    if signs_off():
        vars(part("runner.run"))["told"] = lambda environment, left: ""
