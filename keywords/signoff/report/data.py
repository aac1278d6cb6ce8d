"""What a sign-off consists of besides its judgement, and its form as ``signoff.json``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .judgement import JudgedTest, Row, SignOff
from .proof import Proof


@dataclass(frozen=True)
class Selection:
    """Which tests were asked for; all of them if everything is empty."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The selection as the options that made it: "--include core --exclude slow"; empty for all tests."""
        options = (
            ("include", self.include),
            ("exclude", self.exclude),
            ("suite", self.suites),
            ("requirement", self.requirements),
            ("test", self.tests),
        )
        return " ".join(f"--{name} {value}" for name, values in options for value in values)


@dataclass(frozen=True)
class RunFacts:
    """What was run against what, when and how.

    Attributes:
        targets: URLs by name, without credentials.
        versions: what the servers said of themselves, by name.
        processes: how many suites ran at the same time.
        problems: what went wrong with the run itself, one sentence each.
        suites: which version of the suites ran; None if that is not known.
        left_over: the collections that this run, or an earlier one, left on the deployment.
        removal: the command that removes them.
    """

    environment: str = "unknown"
    targets: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    started: datetime | None = None
    finished: datetime | None = None
    processes: int | None = None
    stacks: int = 0
    selection: Selection = field(default_factory=Selection)
    problems: tuple[str, ...] = ()
    suites: str | None = None
    left_over: tuple[str, ...] = ()
    removal: str = ""

    @property
    def seconds(self) -> float | None:
        """How long the run took, or None if that is not known."""
        if self.started is None or self.finished is None:
            return None
        return (self.finished - self.started).total_seconds()


def limits_of(row: Row) -> tuple[str, ...]:
    """Return the limits that the row's tests were held to, each once."""
    return _parts(test.metadata.get("Limit", "") for test in row.tests)


def measured_of(row: Row) -> tuple[str, ...]:
    """Return what the row's tests measured. Of figures that differ only in their time, the longest stands for all.

    "exact on both after 120 ms" and "exact on both after 90 ms" are one line.
    """
    alike: dict[str, list[str]] = {}
    for part in _parts(test.metadata.get("Measured", "") for test in row.tests):
        alike.setdefault(_TIME.sub("#", part), []).append(part)
    shown = []
    for parts in alike.values():
        longest = max(parts, key=_longest)
        shown.append(longest if len(parts) == 1 else f"{longest} (the longest of {len(parts)})")
    return tuple(shown)


_TIME = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?) (ms|s|min)\b")
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0}


def _longest(words: str) -> float:
    return max((float(number) * _UNITS[unit] for number, unit in _TIME.findall(words)), default=0.0)


def seeds_of(signoff: SignOff) -> Mapping[str, str]:
    """Return the seeds of the workloads that gave one, by the name of their test."""
    return {test.name: test.metadata["Seed"] for row in signoff.rows for test in row.tests if test.metadata.get("Seed")}


def timelines_of(test: JudgedTest) -> tuple[str, ...]:
    """Return the files of the drawings that a test left, within the results folder."""
    return _parts([test.metadata.get("Timeline", "")])


def as_json(signoff: SignOff, facts: RunFacts, proof: Proof | None = None) -> dict[str, Any]:
    """Return the content of ``signoff.json``.

    Args:
        signoff: the judgement.
        facts: what was run against what.
        proof: which faults the requirements were seen to catch; None if nobody knows.
    """
    return {
        "verdict": signoff.word.value,
        "sentence": signoff.sentence,
        "exit_code": signoff.word.exit_code,
        "environment": facts.environment,
        "targets": dict(facts.targets),
        "versions": dict(facts.versions),
        "started": facts.started.isoformat() if facts.started else None,
        "finished": facts.finished.isoformat() if facts.finished else None,
        "seconds": facts.seconds,
        "processes": facts.processes,
        "selection": {
            "include": list(facts.selection.include),
            "exclude": list(facts.selection.exclude),
            "suites": list(facts.selection.suites),
            "requirements": list(facts.selection.requirements),
        },
        "seeds": dict(seeds_of(signoff)),
        "accepted_risks": sum(row.accepted for row in signoff.rows),
        "suites": facts.suites,
        "proof": _proof(proof, facts),
        "requirements": [_requirement(row) | {"seen_to_fail": _caught(row, proof)} for row in signoff.rows],
        "did_not_report": list(signoff.unreported),
        "left_over": {"collections": list(facts.left_over), "removal": facts.removal},
        "errors": list(signoff.errors),
    }


def _proof(proof: Proof | None, facts: RunFacts) -> dict[str, Any] | None:
    if proof is None:
        return None
    return {
        "suites": proof.suites,
        "of_this_version": proof.suites == facts.suites,
        "finished": proof.finished.isoformat(),
        "known": proof.known,
        "planted": proof.planted,
        "caught": proof.caught,
        "variants": proof.variants,
        "false_alarms": proof.false_alarms,
    }


def _caught(row: Row, proof: Proof | None) -> list[str]:
    return list(proof.of(row.requirement.id)) if proof else []


def _requirement(row: Row) -> dict[str, Any]:
    contract = [limit.words for limit in row.requirement.limits]
    return {
        "id": row.requirement.id,
        "group": row.requirement.group,
        "title": row.requirement.title,
        "outcome": row.outcome.value,
        "verdicts": [verdict.value for verdict in row.verdicts],
        "limit": "; ".join(limits_of(row) or contract),
        "contract_limit": "; ".join(contract),
        "measured": "; ".join(measured_of(row)),
        "reason": row.reason,
        "accepted_risk": _accepted_risk(row),
        "tests": [_test(test) for test in row.tests],
    }


def _accepted_risk(row: Row) -> dict[str, Any] | None:
    if row.risk is None or row.standing is None:
        return None
    return {
        "reason": row.risk.reason,
        "accepted_by": row.risk.accepted_by,
        "until": row.risk.until.isoformat(),
        "in_force": row.accepted,
        "standing": row.standing.value,
    }


def _test(test: JudgedTest) -> dict[str, Any]:
    return {
        "name": test.name,
        "suite": test.suite,
        "outcome": test.outcome.value,
        "verdicts": [verdict.value for verdict in test.verdicts],
        "message": test.message or test.reason,
        "seconds": test.seconds,
        "log": f"log.html#{test.log}" if test.log else "",
    }


def _parts(values: Iterable[str]) -> tuple[str, ...]:
    # Check keywords append to their test's metadata with "; ".
    return tuple(dict.fromkeys(part.strip() for value in values for part in value.split("; ") if part.strip()))
