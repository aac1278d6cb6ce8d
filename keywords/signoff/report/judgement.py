"""From tests to outcomes, and from outcomes to a verdict. Pure: no files, no clock, no Robot Framework.

The order of severity is the same everywhere: not met, could not be tested, not tested, met. Only a test that passed
**and** checked something is evidence that a requirement is met; whatever is unknown is never green.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from ..verdict import Outcome, VerdictClass, outcome_of_message, verdict_classes
from ..words import listing
from .accepted_risks import AcceptedRisk
from .checklist import Requirement

SEVERITY = (Outcome.NOT_MET, Outcome.COULD_NOT_BE_TESTED, Outcome.NOT_TESTED, Outcome.MET)

CHECKS_NOTHING = "it checks nothing"
_SILENT = "planned but did not report"
DID_NOT_REPORT = f"{_SILENT}: its process ended early"
WAS_INTERRUPTED = f"{_SILENT}: the run was interrupted"
NO_TEST_YET = "no test yet"
HEADLINE = 180
"""How many characters of a reason the verdict's own sentence shows."""


class Word(Enum):
    """The verdict, and the exit code that says the same."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCOMPLETE = "INCOMPLETE"

    @property
    def exit_code(self) -> int:
        return {Word.GO: 0, Word.NO_GO: 1, Word.INCOMPLETE: 2}[self]


@dataclass(frozen=True)
class ReportedTest:
    """What Robot Framework reported of one test.

    Attributes:
        id: the test's id in output.xml, which is also its anchor in log.html.
        suite: the full name of its suite.
        status: PASS, FAIL or SKIP.
        seconds: how long it took.
        checks: how many check keywords passed in its body.
        plain_check_failed: a standard library's "… Should …" keyword in its body or teardown is what failed.
    """

    id: str
    name: str
    suite: str
    status: str
    message: str = ""
    seconds: float = 0.0
    metadata: Mapping[str, str] = field(default_factory=dict)
    checks: int = 0
    plain_check_failed: bool = False

    @property
    def full_name(self) -> str:
        return f"{self.suite}.{self.name}"


@dataclass(frozen=True)
class PlannedTest:
    """A test that the suites hold.

    Attributes:
        left_out: why it was not selected for this run; empty if it was.
    """

    name: str
    suite: str
    requirement: str | None
    left_out: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.suite}.{self.name}"


@dataclass(frozen=True)
class JudgedTest:
    """A test with its outcome.

    Attributes:
        log: its id in log.html, empty if it is not there.
        verdicts: the classes of what is not met, in the order in which its message names them.
    """

    name: str
    suite: str
    outcome: Outcome
    reason: str = ""
    message: str = ""
    seconds: float | None = None
    log: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    verdicts: tuple[VerdictClass, ...] = ()

    @property
    def left_aside(self) -> bool:
        """Whether it needs something that has to be asked for, and was not: then its requirement stands without it.

        Its metadata ``Opt-In`` says what has to be given.
        """
        return self.outcome is Outcome.NOT_TESTED and bool(self.metadata.get("Opt-In", "").strip())


class Standing(Enum):
    """What an accepted risk means for its requirement, in the words of the page."""

    IN_FORCE = "It does not count against GO, and it is not met"
    PAST = "Its last day is past, so it counts as not tested"
    NOT_MET = "It covers what is not tested, and not what was seen to fail"
    BROKEN = "It covers what is not tested, and not a test that broke"
    NOT_NEEDED = "The requirement is met, so the risk need not be accepted any more"


@dataclass(frozen=True)
class Row:
    """A requirement with its outcome and the tests that gave it.

    Attributes:
        risk: the accepted risk that names it, if one does.
        standing: what that risk means for it; None without one.
    """

    requirement: Requirement
    outcome: Outcome
    reason: str
    tests: tuple[JudgedTest, ...] = ()
    risk: AcceptedRisk | None = None
    standing: Standing | None = None

    @property
    def accepted(self) -> bool:
        """Whether it was not tested, and a person takes that risk."""
        return self.standing is Standing.IN_FORCE

    @property
    def verdicts(self) -> tuple[VerdictClass, ...]:
        """The classes of what is not met, by all of its tests."""
        return tuple(dict.fromkeys(verdict for test in self.tests for verdict in test.verdicts))


@dataclass(frozen=True)
class SignOff:
    """The whole judgement.

    Attributes:
        word: the verdict.
        reason: why, as a sentence.
        tally: how many requirements have which outcome, as a sentence.
        errors: what went wrong outside the tests; with any of them the verdict is not GO.
    """

    word: Word
    reason: str
    tally: str
    rows: tuple[Row, ...]
    errors: tuple[str, ...] = ()

    @property
    def unreported(self) -> tuple[str, ...]:
        """The names of the tests that were to run, and of which nothing is known."""
        tests = [test for row in self.rows for test in row.tests]
        return tuple(dict.fromkeys(test.name for test in tests if test.reason.startswith(_SILENT)))

    @property
    def sentence(self) -> str:
        """The verdict, its reason and its figures, in one line."""
        return " ".join(part for part in (f"{self.word.value}.", self.reason, self.tally) if part)


def judge(
    checklist: Sequence[Requirement],
    planned: Iterable[PlannedTest] | None,
    reported: Iterable[ReportedTest],
    errors: Iterable[str] = (),
    risks: Iterable[AcceptedRisk] = (),
    today: date | None = None,
) -> SignOff:
    """Judge a run.

    Args:
        checklist: every requirement, in the order of the page.
        planned: every test of the suites, selected or left out; None if no plan is known, which is an error.
        reported: the tests in the merged output.
        errors: what went wrong outside the tests, one sentence each; any of them rules out GO.
        risks: what a person accepts to be not tested.
        today: the day of the judgement; without it every accepted risk is past.
    """
    reported = list(reported)
    problems = list(errors)
    if planned is None:
        problems.append("The plan of this run is missing, so nobody knows whether every test reported.")
        unplanned = list[ReportedTest]()
        planned = []
    else:
        planned = list(planned)
        unplanned = _unplanned(planned, reported)
    problems += [f"{test.full_name} reported without having been planned." for test in unplanned]

    known = {requirement.id for requirement in checklist}
    by_requirement: dict[str, list[JudgedTest]] = {requirement: [] for requirement in known}
    for test in reported:
        name = test.metadata.get("Requirement", "").strip()
        if name in known:
            by_requirement[name].append(judge_test(test))
        else:
            problems.append(_names_no_requirement(test.full_name, name))
    for absent, outcome, reason in _absent(planned, reported):
        name = (absent.requirement or "").strip()
        if name in known:
            judged = JudgedTest(absent.name, absent.suite, outcome, reason)
            by_requirement[name].append(judged)
        else:
            problems.append(_names_no_requirement(absent.full_name, name))

    accepted = {risk.id: risk for risk in risks}
    rows = tuple(
        _row(requirement, by_requirement[requirement.id], accepted.get(requirement.id), today)
        for requirement in checklist
    )
    problems = list(dict.fromkeys(problems))
    word = verdict_word(row.outcome for row in rows if not row.accepted)
    if word is Word.GO and (problems or not rows):
        word = Word.INCOMPLETE
    if word is Word.GO:
        return SignOff(word, _all_met(rows), _only_if_asked(rows), rows)
    return SignOff(word, _reason(word, rows, problems), _tally(rows), rows, tuple(problems))


def judge_test(test: ReportedTest) -> JudgedTest:
    """Give one reported test its outcome and the reason for it."""
    outcome, reason = _outcome_of(test)
    metadata = dict(test.metadata)
    verdicts = _verdicts_of(test) if outcome is Outcome.NOT_MET else ()
    return JudgedTest(test.name, test.suite, outcome, reason, test.message, test.seconds, test.id, metadata, verdicts)


def outcome_of_tests(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the most severe of the outcomes of a requirement's tests; without a test it is not tested."""
    seen = set(outcomes)
    return next((outcome for outcome in SEVERITY if outcome in seen), Outcome.NOT_TESTED)


def verdict_word(outcomes: Iterable[Outcome]) -> Word:
    """Return the verdict for the outcomes of the requirements that count: GO only if there are some and all are met."""
    seen = set(outcomes)
    if Outcome.NOT_MET in seen:
        return Word.NO_GO
    return Word.GO if seen == {Outcome.MET} else Word.INCOMPLETE


def _outcome_of(test: ReportedTest) -> tuple[Outcome, str]:
    lines = _statements(test.message)
    stated = outcome_of_message("\n".join(lines))
    # A failure that was seen stays one, even if the test was skipped or declared passed after it.
    if stated is Outcome.NOT_MET:
        return stated, _said(lines, stated)
    if test.status == "PASS":
        if stated is not None:
            return stated, _said(lines, stated)
        if not test.checks:
            return Outcome.COULD_NOT_BE_TESTED, CHECKS_NOTHING
        return Outcome.MET, ""
    if test.status == "SKIP":
        if stated is Outcome.COULD_NOT_BE_TESTED:
            return stated, _said(lines, stated)
        return Outcome.NOT_TESTED, _said(lines, Outcome.NOT_TESTED) or "skipped without a reason"
    if test.status == "FAIL":
        if test.plain_check_failed:
            return Outcome.NOT_MET, _said(lines, Outcome.NOT_MET)
        if stated is None and lines and _CUT.match(lines[0]):
            return Outcome.COULD_NOT_BE_TESTED, WAS_INTERRUPTED
        outcome = stated or Outcome.COULD_NOT_BE_TESTED
        return outcome, _said(lines, outcome) or "failed without a message"
    return Outcome.COULD_NOT_BE_TESTED, f"reported with the unknown status {test.status}"


def _verdicts_of(test: ReportedTest) -> tuple[VerdictClass, ...]:
    """The classes that a test's message names where it says that something is not met, at each place where it does."""
    said = [line for line in _statements(test.message) if outcome_of_message(line) is Outcome.NOT_MET]
    return verdict_classes("\n".join(line.partition(": ")[2] for line in said))


# What pabot says of each test of a suite that it had to end.
_CUT = re.compile(r"User interrupted Pabot execution|Execution stopped due to user interruption")
_HEADING = re.compile(
    r"^(several failures occurred|((also )?(parent suite |suite )?(setup|teardown) failed)|skipped in .*|"
    r"also failures? occurred|earlier message|original failure|failed test skipped using .*)[:.]?$",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


def _statements(message: str) -> list[str]:
    """Return a message's lines without what Robot Framework puts around a statement.

    It numbers several failures ("1) Not met: …"), adds headings ("Setup failed:"), marks HTML, and wraps the last
    error of a retried keyword. An outcome has to be recognised behind all of them.
    """
    if message.startswith("*HTML*"):
        message = html.unescape(_TAG.sub("", message.removeprefix("*HTML*")))
    lines = []
    for line in message.splitlines():
        line = re.sub(r"^\s*\d+\) ", "", line).strip()
        line = re.sub(r"^Keyword '.*' failed after retrying .*? The last error was: ", "", line)
        line = re.sub(r"^((Also )?(Parent )?(suite )?(setup|teardown) failed: )", "", line, flags=re.IGNORECASE)
        if line and not _HEADING.match(line):
            lines.append(line)
    return lines


def _said(lines: Sequence[str], outcome: Outcome) -> str:
    """Return the first statement of an outcome without its prefix, or the first line if none states it."""
    prefix = outcome.value + ": "
    for line in lines:
        if line.lower().startswith(prefix):
            return line[len(prefix) :].strip()
    return lines[0] if lines else ""


def _unplanned(planned: Sequence[PlannedTest], reported: Sequence[ReportedTest]) -> list[ReportedTest]:
    expected = Counter(test.full_name for test in planned if not test.left_out)
    surplus = []
    for test in reported:
        if expected[test.full_name] > 0:
            expected[test.full_name] -= 1
        else:
            surplus.append(test)
    return surplus


def _absent(
    planned: Sequence[PlannedTest], reported: Sequence[ReportedTest]
) -> Iterable[tuple[PlannedTest, Outcome, str]]:
    there = Counter(test.full_name for test in reported)
    for test in planned:
        if test.left_out:
            yield test, Outcome.NOT_TESTED, test.left_out
        elif there[test.full_name] > 0:
            there[test.full_name] -= 1
        else:
            yield test, Outcome.COULD_NOT_BE_TESTED, DID_NOT_REPORT


def _names_no_requirement(test: str, name: str) -> str:
    if not name:
        return f"{test} does not say which requirement it tests; give it [Metadata]  Requirement  with an id."
    return f"{test} names the requirement {name}, which is not in the checklist."


def _row(requirement: Requirement, tests: Sequence[JudgedTest], risk: AcceptedRisk | None, today: date | None) -> Row:
    if not tests:
        return Row(requirement, Outcome.NOT_TESTED, NO_TEST_YET, (), risk, _standing(risk, Outcome.NOT_TESTED, today))
    counted = [test for test in tests if not test.left_aside] or tests
    outcome = outcome_of_tests(test.outcome for test in counted)
    reasons = dict.fromkeys(test.reason for test in counted if test.outcome is outcome and test.reason)
    return Row(requirement, outcome, " · ".join(reasons), tuple(tests), risk, _standing(risk, outcome, today))


def _standing(risk: AcceptedRisk | None, outcome: Outcome, today: date | None) -> Standing | None:
    if risk is None:
        return None
    if outcome is Outcome.NOT_TESTED:
        return Standing.PAST if today is None or risk.is_past(today) else Standing.IN_FORCE
    return {
        Outcome.NOT_MET: Standing.NOT_MET,
        Outcome.COULD_NOT_BE_TESTED: Standing.BROKEN,
        Outcome.MET: Standing.NOT_NEEDED,
    }[outcome]


def _all_met(rows: Sequence[Row]) -> str:
    accepted = [row.requirement.id for row in rows if row.accepted]
    if not accepted:
        return f"All {len(rows)} requirements are met."
    return (
        f"{len(rows) - len(accepted)} of {len(rows)} requirements are met, and {_accepted_risks(len(accepted))} "
        f"{'was' if len(accepted) == 1 else 'were'} not tested: {listing(accepted, len(accepted))}."
    )


def _only_if_asked(rows: Sequence[Row]) -> str:
    aside = [test.name for row in rows for test in row.tests if test.left_aside and not row.accepted]
    return f"Not tested, as nobody asked for it: {listing(aside)}." if aside else ""


def _reason(word: Word, rows: Sequence[Row], errors: Sequence[str]) -> str:
    if word is Word.NO_GO:
        first = next(row for row in rows if row.outcome is Outcome.NOT_MET)
        reason = next(test.reason for test in first.tests if test.outcome is Outcome.NOT_MET)
        # The whole reason stands below, beside its requirement; the headline has to be read at a glance.
        return _as_sentence(f"{first.requirement.title}: {_at_a_glance(reason) or 'this does not hold'}")
    count = _count(rows)
    untested, broken = count[Outcome.NOT_TESTED], count[Outcome.COULD_NOT_BE_TESTED]
    missing = []
    if broken:
        missing.append(f"{_requirements(broken)} could not be tested")
    if untested:
        number = str(untested) if broken else _requirements(untested)
        missing.append(f"{number} {'is' if untested == 1 else 'are'} not tested")
    if not missing:
        if errors:
            return f"Nothing failed, but {_as_sentence(errors[0])}"
        return "Nothing is met: every requirement is an accepted risk." if rows else "The checklist is empty."
    if broken and errors:
        return f"{_as_sentence(errors[0])} {' and '.join(missing)}."
    return f"{'' if broken else 'Nothing failed, but '}{' and '.join(missing)}."


def _count(rows: Sequence[Row]) -> Counter[Outcome]:
    """Count the outcomes of the requirements that no accepted risk covers."""
    return Counter(row.outcome for row in rows if not row.accepted)


def _tally(rows: Sequence[Row]) -> str:
    count = _count(rows)
    order = (Outcome.NOT_MET, Outcome.NOT_TESTED, Outcome.COULD_NOT_BE_TESTED)
    parts = [f"{count[outcome]} {outcome.value}" for outcome in order if count[outcome]]
    accepted = sum(row.accepted for row in rows)
    if accepted:
        parts.append(_accepted_risks(accepted))
    return ", ".join([f"{_requirements(count[Outcome.MET])} met", *parts]) + "."


def _accepted_risks(number: int) -> str:
    return f"{number} accepted risk{'' if number == 1 else 's'}"


def _requirements(number: int) -> str:
    return f"{number} requirement{'' if number == 1 else 's'}"


def _at_a_glance(reason: str) -> str:
    words = " ".join(reason.split())
    return words if len(words) <= HEADLINE else words[:HEADLINE].rsplit(" ", 1)[0].rstrip(",;:") + " …"


def _as_sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?", "…")) else text + "."
