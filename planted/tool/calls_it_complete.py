"""Counts a test that was planned and did not report as one that has passed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from planted.catalogue import Expected
from planted.processes import part, signs_off

EXPECTED = Expected(
    "UNGUARDED", {"PROD-8": "cut short is called met"}, tests=("A Run Whose Worker Is Killed Mends What It Broke",)
)


def plant() -> None:
    if not signs_off():
        return
    judgement, met = part("report.judgement"), part("verdict").Outcome.MET
    honest = judgement._absent

    def absent(planned: Any, reported: Any) -> Iterator[tuple[Any, Any, str]]:
        for test, outcome, reason in honest(planned, reported):
            yield (test, met, "") if reason == judgement.DID_NOT_REPORT else (test, outcome, reason)

    vars(judgement)["_absent"] = absent
