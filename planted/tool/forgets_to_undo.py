"""Does not undo what an interrupted run left broken."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.processes import part, signs_off

EXPECTED = Expected(
    "LEFT-BEHIND",
    {"PROD-8": "answers after the run was interrupted"},
    tests=("The Run After A Lost Machine Mends What Was Broken",),
)


def plant() -> None:
    if signs_off():
        vars(part("runner.run"))["replay"] = lambda environment: []
