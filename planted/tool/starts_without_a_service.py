"""Takes a service that does not answer for one of an unknown version, and begins all the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from planted.catalogue import Expected
from planted.processes import part, runs_suites, signs_off

EXPECTED = Expected(red={"PROD-7": "that can't be used"})


def plant() -> None:
    if not (runs_suites() or signs_off()):
        return
    preflight, could_not_observe = part("checks.preflight"), part("verdict").CouldNotObserve

    def ask_all(questions: Mapping[str, tuple[str, Callable[[], str]]], wait: timedelta, clock: Any) -> dict[str, str]:
        answers = {}
        for name, (_, ask) in questions.items():
            try:
                answers[name] = ask()
            except could_not_observe:
                answers[name] = "unknown"
        return answers

    vars(preflight)["_ask_all"] = ask_all
