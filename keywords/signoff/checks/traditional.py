"""Traditional sync: what holds with workers has to hold without them as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from ..places import ROOT
from ..report.checklist import load_checklist
from ..report.judgement import JudgedTest, judge_test
from ..report.results import UnreadableResults, read_results
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, Outcome, summed_up
from ..words import count, listing, sentences, shortened
from .subruns import OUTPUT, new_folder, robot, run_beside

SUITES = (
    "core/documents.robot",
    "core/high_load.robot",
    "core/write_ahead_log.robot",
    "failover/killed_balancer.robot",
    "failover/primary_outage.robot",
)
"""The suites that hold the tests of the requirements below."""
_GROUPS = ("DOC-", "WAL-")
_SINGLE = ("FAIL-1",)
_ENDS_WITHIN = timedelta(minutes=15)


def requirements() -> tuple[str, ...]:
    """Return the ids of the requirements that do not depend on how the instances are kept in line."""
    ids = [requirement.id for requirement in load_checklist()]
    return tuple(id for id in ids if id.startswith(_GROUPS) or id in _SINGLE)


def holds(bed: Testbed) -> str:
    """Run the suites of these requirements on the deployment of this test's own, and judge them as the page does.

    Raises:
        NotMet: if a requirement is not met.
        CouldNotObserve: if one has no test, or could not be tested there.
    """
    folder = new_folder("traditional")
    code, printed = run_beside(bed, folder, robot([ROOT / "suites" / suite for suite in SUITES], folder), _ENDS_WITHIN)
    try:
        reported = read_results(folder / OUTPUT / "output.xml").tests
    except UnreadableResults as error:
        raise CouldNotObserve(f"the suites ended with {code}; {error} They said: {shortened(printed)}") from None
    tests = [(test.metadata.get("Requirement", ""), judge_test(test)) for test in reported]
    return conclude(requirements(), tests)


def conclude(wanted: Sequence[str], tests: Iterable[tuple[str, JudgedTest]]) -> str:
    """Return in words that every requirement is met.

    Args:
        wanted: their ids.
        tests: judged tests, each with the id of its requirement.

    Raises:
        NotMet, CouldNotObserve: if not.
    """
    by_requirement: Mapping[str, list[JudgedTest]] = {id: [] for id in wanted}
    for id, test in tests:
        if id in by_requirement:
            by_requirement[id].append(test)
    failed = [
        f"{id}, {test.name}: {test.reason}"
        for id, own in by_requirement.items()
        for test in own
        if test.outcome is Outcome.NOT_MET
    ]
    if failed:
        raise NotMet(f"with traditional sync: {summed_up(failed)}")
    unseen = [
        f"{id}, {test.name}, {test.outcome.value}: {test.reason}"
        for id, own in by_requirement.items()
        for test in own
        if test.outcome is not Outcome.MET
    ]
    unseen += [f"{id} has no test" for id, own in by_requirement.items() if not own]
    if unseen:
        raise CouldNotObserve(f"with traditional sync: {sentences(unseen)}")
    number = sum(map(len, by_requirement.values()))
    return f"{listing(wanted, len(wanted))} met, {count(number, 'test')}"
