"""The sign-off page: one self-contained HTML file for readers who don't program."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..verdict import Outcome
from .checklist import Limit
from .data import RunFacts, limits_of, measured_of, seeds_of, timelines_of
from .judgement import NO_TEST_YET, Row, SignOff
from .proof import Proof

# A word, a sign and a colour each: the colour alone never carries the meaning.
OUTCOMES = {
    Outcome.MET: ("Met", "met", "✓"),
    Outcome.NOT_MET: ("Not met", "not-met", "✗"),
    Outcome.NOT_TESTED: ("Not tested", "not-tested", "–"),
    Outcome.COULD_NOT_BE_TESTED: ("Could not be tested", "could-not", "?"),
}


def render_page(
    signoff: SignOff, facts: RunFacts, pictures: Mapping[str, str] | None = None, proof: Proof | None = None
) -> str:
    """Return the page as HTML.

    Args:
        signoff: the judgement.
        facts: what was run against what.
        pictures: the drawings (SVG) of tests that left one, by the name that their metadata give.
        proof: which planted faults the requirements were seen to catch; None if nobody knows.
    """
    drawn = pictures or {}

    def pictures_of(row: Row) -> list[tuple[str, str]]:
        named = [(test.name, file) for test in row.tests for file in timelines_of(test)]
        return [(name, drawn[file]) for name, file in named if file in drawn]

    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(moment=_moment, duration=_duration, units=_units)
    groups = [(name, list(rows)) for name, rows in groupby(signoff.rows, key=lambda row: row.requirement.group)]
    count = Counter(row.outcome for row in signoff.rows)
    return templates.get_template("signoff.html.j2").render(
        signoff=signoff,
        facts=facts,
        groups=groups,
        counts=[(OUTCOMES[outcome], count[outcome]) for outcome in OUTCOMES],
        outcomes=OUTCOMES,
        untested=_untested(signoff.rows),
        not_met=[row for row in signoff.rows if row.outcome is Outcome.NOT_MET],
        risky=[row for row in signoff.rows if row.accepted],
        could_not=[row for row in signoff.rows if row.outcome is Outcome.COULD_NOT_BE_TESTED],
        seeds=seeds_of(signoff),
        contract_of=_contract_of,
        limits_of=limits_of,
        measured_of=measured_of,
        pictures_of=pictures_of,
        proof=proof,
        seen_to_fail=proof.of if proof else lambda requirement: (),
    )


def _contract_of(row: Row) -> tuple[Limit, ...]:
    """Return the contract's limits that the row's own limits don't mention yet ("failover max 1 s (contract 60 s)")."""
    said = " ".join(limits_of(row))
    return tuple(limit for limit in row.requirement.limits if f"(contract {limit.value})" not in said)


def _untested(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Group the rows that were not tested by their reason, the missing tests last."""
    reasons: dict[str, list[Row]] = {}
    for row in rows:
        if row.outcome is Outcome.NOT_TESTED:
            reasons.setdefault(row.reason, []).append(row)
    return sorted(reasons.items(), key=lambda item: item[0] == NO_TEST_YET)


def _moment(value: datetime | None) -> str:
    return value.strftime("%-d %B %Y, %H:%M:%S %Z").strip() if value else "not known"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "not known"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def _units(text: str) -> str:
    """Keep a number and its unit on one line."""
    return re.sub(r"(?<=[\d≤≥<>=]) (?=[\d%a-zµ])", "\N{NO-BREAK SPACE}", text)
