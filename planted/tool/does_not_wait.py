"""Does not wait for a service that is still starting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from planted.catalogue import Expected
from planted.processes import part, runs_suites

EXPECTED = Expected(red={"PROD-7": "was not waited for"}, tests=("The Preflight Waits For A Service That Is Starting",))


def plant() -> None:
    if not runs_suites():
        return
    preflight = part("checks.preflight")
    honest = preflight._ask_all

    def ask_all(questions: Any, wait: timedelta, clock: Any) -> Any:
        return honest(questions, timedelta(0), clock)

    vars(preflight)["_ask_all"] = ask_all
