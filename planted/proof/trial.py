"""One fault, or one correct variant, put to the test: what is looked at, and what has become of it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from keywords.signoff.local_stack import StackFailed
from keywords.signoff.report.data import Selection
from keywords.signoff.report.judgement import PlannedTest
from keywords.signoff.runner.plan import plan_tests
from keywords.signoff.runner.run import SUITES
from planted.catalogue import Expected, Fault
from planted.variants import Variant

from .outcome import Outcome, Seen, false_alarms, outcome_of
from .record import Planted, Varied, program_version
from .run import Ran, run_fault, run_variant

CONTROLS = ("DOC-3", "MON-5", "TXN-3", "HEALTH-6", "HEALTH-2", "MAP-1", "WAL-1", "WAL-2")
"""Requirements that are soon looked at, as controls: one beside those that have to see a fault."""


def plant(fault: Fault, runs: Path, *, whole: bool) -> Planted:
    """Plant a fault and return what became of it.

    Args:
        fault: what is wrong.
        runs: the folder for the results of runs, each in its own.
        whole: whether to look at the whole checklist, and not only at what has to see the fault and one control.
    """
    expected = fault.expected
    looked_at = () if whole else _tests(fault)
    begin = time.monotonic()
    ran = _guarded(lambda: run_fault(fault, looked_at, runs / fault.full_name.replace("/", "-")))
    seen = _refused(expected, ran) if expected.refused or ran.rows is None else outcome_of(expected, ran.rows)
    return Planted(
        name=fault.full_name,
        sentence=fault.sentence,
        verdict=expected.verdict,
        outcome=seen.outcome.value,
        why=seen.sentence,
        verdicts=seen.verdicts,
        requirements=seen.requirements,
        unrelated=seen.unrelated,
        green=seen.green,
        seconds=round(time.monotonic() - begin, 1),
        program=program_version(fault),
        whole=whole,
    )


def _refused(expected: Expected, ran: Ran) -> Seen:
    if not expected.refused:
        return Seen(Outcome.NOT_RUN, f"there is no page: {ran.complaint}")
    if ran.rows is not None:
        return Seen(Outcome.MISSED, "the run was not refused")
    if expected.refused not in ran.complaint:
        return Seen(Outcome.WRONG_REASON, f"the run was refused with: {ran.complaint}")
    return Seen(Outcome.CAUGHT)


def _tests(fault: Fault) -> tuple[str, ...]:
    """Return the full names of the tests that have to see a fault, and of those of a control."""
    expected = fault.expected
    control = _control(fault.full_name, expected)
    return tuple(
        test.full_name
        for test in _planned()
        if test.requirement in control
        or (test.requirement in expected.red and (not expected.tests or test.name in expected.tests))
    )


def _control(name: str, expected: Expected) -> tuple[str, ...]:
    """Return a requirement that has nothing to do with a fault; not the same one for every fault.

    One in the same suites is looked at soonest: each suite looks at the whole deployment first.
    """
    places = _suites()
    own = {suite for id in expected.red for suite in places[id]}
    free = [id for id in CONTROLS if id not in expected.red and id not in expected.also]
    near = [id for id in free if places[id] <= own] or free
    return (near[sum(name.encode()) % len(near)],) if near else ()


@cache
def _suites() -> Mapping[str, set[str]]:
    """Return the suites of each requirement's tests."""
    found: dict[str, set[str]] = defaultdict(set)
    for test in _planned():
        found[test.requirement or ""].add(test.suite)
    return found


@cache
def _planned() -> tuple[PlannedTest, ...]:
    return plan_tests(SUITES, Selection())


def vary(variant: Variant, runs: Path, *, whole: bool) -> Varied:
    """Look at a correct variant and return what was seen.

    Args:
        variant: the deployment.
        runs: the folder for the results of runs, each in its own.
        whole: whether to look at the whole checklist, and not only at the variant's requirements.
    """
    looked_at = () if whole else variant.requirements
    begin = time.monotonic()
    ran = _guarded(lambda: run_variant(variant, looked_at, runs / f"variant-{variant.name}"))
    alarms = (ran.complaint,) if ran.rows is None else false_alarms(ran.rows)
    return Varied(
        name=variant.name,
        sentence=variant.sentence,
        outcome="not run" if ran.rows is None else "false alarm" if alarms else "green",
        alarms=alarms,
        requirements=tuple(row.id for row in ran.rows or ()),
        seconds=round(time.monotonic() - begin, 1),
        program=program_version(),
        whole=whole,
    )


def _guarded(run: Callable[[], Ran]) -> Ran:
    try:
        return run()
    except StackFailed as error:
        return Ran(None, str(error))
