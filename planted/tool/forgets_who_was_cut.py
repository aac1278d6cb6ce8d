"""Does not name the tests that were to run and did not report."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.processes import part, signs_off

EXPECTED = Expected(
    "UNGUARDED",
    {"PROD-8": "does not say that it did not report"},
    tests=("A Run Whose Worker Is Killed Mends What It Broke",),
)


def plant() -> None:
    if signs_off():
        part("report.judgement").SignOff.unreported = ()
