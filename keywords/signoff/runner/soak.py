"""The same sign-off again and again: an outcome that is not the same each time is a fault of the tests, or a rare one
of the deployment, and either is worth a look.

Each run has seeds of its own, as every run has. Nothing is ever tried again to make it pass.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..report.folder import ResultsFolder
from .run import INTERRUPTED, Options, sign_off

TIMES = 10


@dataclass(frozen=True)
class Said:
    """What one run said of one test, or of a requirement."""

    outcome: str
    reason: str = ""


Outcomes = Mapping[str, Said]
"""What one run said, by the name of a test or the id of a requirement."""


def soak(options: Options, times: int, say: Callable[[str], None]) -> int:
    """Sign off several times, and say which outcomes differ.

    Args:
        options: as for one sign-off; each run has a folder of its own in the results folder's ``soak/``.
        times: how often.
        say: takes each line.

    Returns:
        The exit code: 0 if every run was GO, 1 if an outcome differs, 2 if all runs say the same and it is not GO.

    Raises:
        As :func:`.run.sign_off`.
        KeyboardInterrupt: if a run was interrupted.
    """
    runs: list[Outcomes] = []
    codes: list[int] = []
    for number in range(1, times + 1):
        say(f"Run {number} of {times}.")
        folder = ResultsFolder((options.results / "soak" / f"{number:02}").resolve())
        codes.append(sign_off(replace(options, results=folder.path), say))
        runs.append(_outcomes(folder.data))
        if INTERRUPTED in folder.load_facts().problems:
            raise KeyboardInterrupt
    say("")
    lines = differing(runs)
    for line in lines:
        say(line)
    went = ", ".join(f"{number} {word}" for word, number in Counter(map(_word, codes)).most_common())
    say(f"{times} runs: {went}. " + (f"{len(lines)} outcomes differ." if lines else "No outcome differs."))
    return 1 if lines else max(codes)


def differing(runs: Sequence[Outcomes]) -> list[str]:
    """Return in words what did not have the same outcome in every run; nothing if all did.

    Args:
        runs: what each run said.

    What a run does not name has no outcome there, and that differs from any.
    """
    found = []
    for name in sorted({name for run in runs for name in run}):
        said = [run.get(name, Said("no outcome")) for run in runs]
        count = Counter(one.outcome for one in said)
        if len(count) > 1:
            usual = count.most_common(1)[0][0]
            others = [f"run {n}: {_sentence(one)}" for n, one in enumerate(said, 1) if one.outcome != usual]
            found.append(f"{name} was {usual} in {count[usual]} of {len(runs)} runs; {'; '.join(others)}")
    return found


def _sentence(said: Said) -> str:
    return f"{said.outcome}, {said.reason}" if said.reason else said.outcome


def _word(code: int) -> str:
    return {0: "GO", 1: "NO-GO"}.get(code, "INCOMPLETE")


def _outcomes(page: Path) -> Outcomes:
    rows = json.loads(page.read_text(encoding="utf-8"))["requirements"]
    found = [(f"{row['id']} {test['name']}", test) for row in rows for test in row["tests"]]
    return {name: Said(test["outcome"], test["message"]) for name, test in found}
