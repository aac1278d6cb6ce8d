"""From the page of one run with a planted fault to what became of the fault. Pure: no files, no processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from planted.catalogue import Expected

NOT_MET = "not met"
MET = "met"


class Outcome(Enum):
    """What became of a planted fault."""

    CAUGHT = "caught"
    """Each requirement that has to see it was not met, for the right reason."""
    MISSED = "missed"
    """One of them was met, or could not say."""
    WRONG_REASON = "wrong reason"
    """They were not met, and say something else than what is wrong."""
    NOT_RUN = "not run"
    """There is no page."""


@dataclass(frozen=True)
class Row:
    """A requirement on the page of a run."""

    id: str
    outcome: str
    reason: str = ""
    verdicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What a run with a planted fault has shown.

    Attributes:
        outcome: what became of the fault.
        sentence: why it was not caught; empty if it was.
        verdicts: the classes that the reasons name.
        requirements: those that were not met because of it.
        unrelated: those that have nothing to do with it, and were not met or could not be tested.
        green: those that have nothing to do with it, and were met.
    """

    outcome: Outcome
    sentence: str = ""
    verdicts: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    unrelated: tuple[str, ...] = ()
    green: tuple[str, ...] = ()


def rows_of(page: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return the requirements of a run that were looked at.

    Args:
        page: the content of its ``signoff.json``.
    """
    rows = [row for row in page["requirements"] if row["outcome"] != "not tested"]
    return tuple(Row(row["id"], row["outcome"], row["reason"], tuple(row["verdicts"])) for row in rows)


def outcome_of(expected: Expected, rows: Iterable[Row]) -> Seen:
    """Return what became of a planted fault.

    Args:
        expected: what the page has to say.
        rows: what it says.
    """
    by_id = {row.id: row for row in rows}
    concerned = {*expected.red, *expected.also}
    red = [row for row in by_id.values() if row.outcome == NOT_MET and row.id in concerned]
    others = [row for row in by_id.values() if row.id not in concerned]
    verdicts = tuple(dict.fromkeys(name for row in red for name in row.verdicts))
    outcome, sentence = _judge(expected, by_id, verdicts)
    return Seen(
        outcome,
        sentence,
        verdicts,
        tuple(row.id for row in red),
        tuple(row.id for row in others if row.outcome != MET),
        tuple(row.id for row in others if row.outcome == MET),
    )


def _judge(expected: Expected, by_id: Mapping[str, Row], verdicts: Sequence[str]) -> tuple[Outcome, str]:
    for id in expected.red:
        row = by_id.get(id)
        if row is None:
            return Outcome.MISSED, f"{id} was not tested"
        if row.outcome != NOT_MET:
            return Outcome.MISSED, f"{id} was {row.outcome}{': ' * bool(row.reason)}{row.reason}"
    for id, words in expected.red.items():
        if words.casefold() not in by_id[id].reason.casefold():
            return Outcome.WRONG_REASON, f"{id} does not say “{words}”, but: {by_id[id].reason}"
    if expected.verdict and expected.verdict not in verdicts:
        return Outcome.WRONG_REASON, f"none is {expected.verdict}; they are {', '.join(verdicts) or 'of no class'}"
    return Outcome.CAUGHT, ""


def false_alarms(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return what is not met, or could not be tested, on a deployment that nothing is wrong with."""
    return tuple(f"{row.id} {row.outcome}: {row.reason}" for row in rows if row.outcome != MET)
