"""What a run is going to test: every test of the suites, and which of them a selection leaves out.

A worker that is killed disappears from pabot's report, which stays green. So the plan is made before the run, and
the report compares. Robot Framework's running model is imported here, because only it knows which tests its options
select.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from robot.api import TestSuite
from robot.errors import DataError
from robot.model import TagPatterns

from ..report.data import Selection
from ..report.judgement import PlannedTest


class BadSelection(ValueError):
    """Nothing can be planned; the message is one sentence."""


def plan_tests(source: Path, selection: Selection) -> tuple[PlannedTest, ...]:
    """Return every test under a path, with the reason for those that are left out.

    Args:
        source: a folder of suites or a suite file.
        selection: tags and names of suites and tests, with Robot Framework's patterns, and ids of requirements.

    Raises:
        BadSelection: if the path holds no test, a pattern matches none, or all of them together leave none.
    """
    if not source.exists():
        raise BadSelection(f"There are no suites at {source}.")
    suite = _build(source)
    tests = list(suite.all_tests)
    _every_pattern_matches(suite, tests, selection)
    chosen = suite.deepcopy()
    chosen.filter(
        included_suites=list(selection.suites) or None,
        included_tests=list(selection.tests) or None,
        included_tags=list(selection.include) or None,
        excluded_tags=list(selection.exclude) or None,
    )
    wanted = selection.requirements
    selected = {
        _identity(test) for test in chosen.all_tests if not wanted or test.metadata.get("Requirement") in wanted
    }
    if not selected:
        raise BadSelection(f"No test is left by {selection.words}.")
    reason = f"left out of this run by {selection.words}"
    return tuple(
        PlannedTest(
            test.name,
            test.parent.full_name,
            test.metadata.get("Requirement"),
            "" if _identity(test) in selected else reason,
        )
        for test in tests
    )


def _build(source: Path) -> Any:
    try:
        return TestSuite.from_file_system(source)
    except DataError as error:
        raise BadSelection(f"The suites at {source} can't be read: {' '.join(str(error).split())}") from None


def _identity(test: Any) -> tuple[str, int]:
    return str(test.source), test.lineno


def _every_pattern_matches(suite: Any, tests: Sequence[Any], selection: Selection) -> None:
    """Refuse a pattern that matches nothing: a typing error would quietly test too little, or too much."""
    for option, patterns in (("include", selection.include), ("exclude", selection.exclude)):
        for pattern in patterns:
            try:
                matcher = TagPatterns([pattern])
            except DataError as error:
                raise BadSelection(f"--{option} {pattern} is not a tag pattern: {error}.") from None
            if not any(matcher.match(test.tags) for test in tests):
                tags = sorted({tag for test in tests for tag in test.tags if not tag.startswith("robot:")})
                raise BadSelection(f"--{option} {pattern} matches no test; the tags are {', '.join(tags) or 'none'}.")
    known = sorted({str(test.metadata.get("Requirement")) for test in tests})
    if unknown := [name for name in selection.requirements if name not in known]:
        raise BadSelection(f"--requirement {unknown[0]} has no test; those that have are {', '.join(known)}.")
    for pattern in selection.tests:
        copy = suite.deepcopy()
        copy.filter(included_tests=[pattern])
        if not copy.test_count:
            raise BadSelection(f"--test {pattern} matches no test; robot --dryrun {suite.source} lists all of them.")
    for pattern in selection.suites:
        copy = suite.deepcopy()
        copy.filter(included_suites=[pattern])
        if not copy.test_count:
            names = sorted({test.parent.full_name for test in tests})
            raise BadSelection(f"--suite {pattern} matches no suite; the suites are {', '.join(names)}.")
