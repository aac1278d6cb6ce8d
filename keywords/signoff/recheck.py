"""Judges an old history again: ``python -m keywords.signoff.recheck results/…/history.jsonl``."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from .checkers.judging import Judgement, judge_history
from .history import BadHistory, History, read_history
from .runner.run import complain

USAGE = "Name one history file: python -m keywords.signoff.recheck results/…/history.jsonl"


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge a file, print what it proves, and return the exit code: 0 GO, 1 NO-GO, 2 incomplete or not judged.

    Args:
        arguments: without the program's name; those of this process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) != 1 or given[0].startswith("-"):
        return complain(USAGE)
    try:
        history = read_history(Path(given[0]))
        judgement = judge_history(history)
    except BadHistory as error:
        return complain(error.sentence)
    except Exception:  # noqa: BLE001 - a fault of ours must not end with 1, which says that the deployment failed
        traceback.print_exc()
        return 2
    for line in told(history, judgement):
        print(line)
    return judgement.word.exit_code


def told(history: History, judgement: Judgement) -> list[str]:
    """Return a judgement, a line for each thing that it says."""
    header = history.header
    lines = [f"{header.deployment}, {header.wall:%Y-%m-%d %H:%M:%S}, seed {header.seed}"]
    for finding in judgement.findings:
        proof = f" [{', '.join(finding.operations)}]" if finding.operations else ""
        lines.append(f"{finding}{proof}")
    lines += [f"Not promised: {finding} [{', '.join(finding.operations)}]" for finding in judgement.apart]
    lines += [f"{gap.outcome.value.capitalize()}: {gap.sentence}" for gap in judgement.gaps]
    if judgement.resubmit:
        lines.append(f"Refused, accounted for, and to be sent again: {', '.join(judgement.resubmit)}")
    if judgement.evidence is not None:
        lines.append(judgement.evidence.sentence(len(judgement.findings)))
    return [*lines, judgement.word.value]


if __name__ == "__main__":
    sys.exit(main())
