"""What must hold of the suites themselves, so that none is green for a silly reason.

Each rule takes the project and returns one sentence for each place that breaks it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from call_tree import LibraryKeyword, Project, Sentence, Step
from robot.model import TagPatterns

MOST_STEPS = 10
MOST_TESTS = 12
# A failure that is swallowed or repeated away, an outcome that is decided instead of found, and a pause.
SWALLOW = ("Run Keyword And Ignore Error", "Run Keyword And Return Status", "Run Keyword And Warn On Failure")
DECIDE = ("Pass Execution", "Pass Execution If", "Skip", "Skip If")
REPEAT = ("Wait Until Keyword Succeeds", "Repeat Keyword")
MAYBE = ("Run Keyword If", "Run Keyword Unless")
LOGIC = ("FOR", "WHILE", "IF", "TRY")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_TAG_OPTION = re.compile(r"--(include|exclude)[ =]([\w:*-]+)")
_TABLE = re.compile(r"^\| tag \|.*\n\|[-|]+\n((?:\|.*\n?)+)", re.MULTILINE)

Rule = Callable[[Project], list[str]]


def each_test_names_a_requirement(project: Project) -> list[str]:
    """Each test is evidence for one requirement of the checklist."""
    found = []
    for test in project.tests:
        named = test.metadata.get("Requirement", "").strip()
        if not named:
            found.append(f"{test.place} names no requirement; give it [Metadata]  Requirement  with an id.")
        elif named not in project.requirements:
            found.append(f"{test.place} names the requirement {named}, which is not in the checklist.")
    return found


def each_requirement_has_a_test(project: Project) -> list[str]:
    """Each requirement of the checklist has a test, or is a risk that a person has accepted."""
    covered = {test.metadata.get("Requirement", "").strip() for test in project.tests}
    covered |= {risk.id for risk in project.risks}
    return [f"{one} has no test, and is no accepted risk." for one in project.requirements if one not in covered]


def nothing_pauses(project: Project) -> list[str]:
    """There is no Sleep: it is too short or too long, and says nothing."""
    return _calls_of(project, ("Sleep",), "a wait is a poll with a deadline, in a library")


def nothing_is_swallowed_or_decided(project: Project) -> list[str]:
    """No failure is caught, tried again or turned into another outcome, by a keyword or by a tag."""
    why = "a failure has to end the test, and only a check may pass it"
    found = _calls_of(project, (*SWALLOW, *REPEAT, *DECIDE), why)
    for test in (*project.tests, *project.helpers):
        found += [f"{test.place} has the tag {tag}; {why}." for tag in test.tags if tag.startswith("robot:")]
    return found


def tests_have_no_logic(project: Project) -> list[str]:
    """A test has no loop, no condition and no variable: it is read by people who don't program."""
    return [
        f"{test.place} has {kind} in its body; that lives in a library keyword."
        for test in (*project.tests, *project.helpers)
        for kind in dict.fromkeys(test.controls)
    ]


def sentences_have_no_logic(project: Project) -> list[str]:
    """A sentence has no loop and no condition: a check in one may never be reached, and the test is green."""
    found = [
        f"{one.place} has {kind} in its body; that lives in a library keyword."
        for one in project.sentences
        for kind in dict.fromkeys(one.controls)
        if kind in LOGIC
    ]
    return found + _calls_of(project, MAYBE, "what is judged must not depend on a condition")


def tests_are_short(project: Project) -> list[str]:
    """A test has at most ten steps."""
    return [
        f"{test.place} has {test.length} steps; {MOST_STEPS} are the most."
        for test in (*project.tests, *project.helpers)
        if test.length > MOST_STEPS
    ]


def files_are_short(project: Project) -> list[str]:
    """A suite has at most twelve tests: it is what one worker runs, one after another."""
    number = Counter(test.file for test in project.tests)
    return [
        f"{file} has {count} tests; {MOST_TESTS} are the most." for file, count in number.items() if count > MOST_TESTS
    ]


def file_names_are_unique(project: Project) -> list[str]:
    """Each file has a name of its own, so that a suite can be chosen by it."""
    number = Counter(path.name for path in project.files)
    return [f"{path} has a name that another file has, too." for path in project.files if number[path.name] > 1]


def tags_in_documents_match_tests(project: Project) -> list[str]:
    """A tag that README or a document selects by, or explains, is one that a test has."""
    tags = [test.tags for test in project.tests]
    named = [("option", tag) for _, tag in _TAG_OPTION.findall(project.docs)]
    named += [("table", tag) for tag in _explained(project)]
    return [
        f"The documents' {place} names the tag {tag}, which no test has."
        for place, tag in dict.fromkeys(named)
        if not any(TagPatterns([tag]).match(own) for own in tags)
    ]


def tags_of_tests_are_documented(project: Project) -> list[str]:
    """A tag that a test has is explained in README's table."""
    explained = set(_explained(project))
    used = dict.fromkeys(tag for test in project.tests for tag in test.tags)
    return [
        f"The tag {tag} is not in README's table of tags."
        for tag in used
        if tag not in explained and not tag.startswith(("robot:", "pabot:"))
    ]


def an_opt_in_names_a_variable(project: Project) -> list[str]:
    """A test that may stand aside says which environment variable has to be given, and README says so, too."""
    found = []
    for test in project.tests:
        if "Opt-In" not in test.metadata:
            continue
        name = test.metadata["Opt-In"].strip()
        if not _VARIABLE.fullmatch(name):
            found.append(f"{test.place} has the Opt-In {name or 'without a value'}, which is no environment variable.")
        elif name not in project.readme:
            found.append(f"{test.place} has the Opt-In {name}, which README does not tell of.")
    return found


def each_test_judges(project: Project) -> list[str]:
    """Each test says what has to hold, and ends in a keyword that checks it."""
    found = []
    for test in (*project.tests, *project.helpers):
        if not test.judging:
            found.append(f"{test.place} has no step with Then, so it says nothing that has to hold.")
        elif not project.checks(test.judging):
            found.append(f"{test.place} reaches no keyword tagged Check with what it says has to hold.")
    return found


def each_judging_step_checks(project: Project) -> list[str]:
    """Each step that says what has to hold (Then, and And after it) ends in a keyword that checks it."""
    return [
        f'{test.place}: the step "{step.name}" reaches no keyword tagged Check.'
        for test in (*project.tests, *project.helpers)
        for step in test.judging
        if not project.checks([step])
    ]


def each_step_is_known(project: Project) -> list[str]:
    """Each step calls a sentence or a library keyword: what is not known can't be followed."""
    found = []
    for place, steps in _all_steps(project):
        found += [f'{place}: nobody knows the step "{step.name}".' for step in steps if not project.calls(step)]
    return found


def each_sentence_is_used(project: Project) -> list[str]:
    """Each sentence is reached from a test, or is told of in docs/writing-suites.md."""
    used: set[Sentence | LibraryKeyword] = set()
    for test in (*project.tests, *project.helpers):
        used |= project.reached((*test.steps, *test.around))
    guide = " ".join(project.guide.lower().split())
    return [
        f"No test uses {one.place}, and docs/writing-suites.md does not tell of it."
        for one in project.sentences
        if one not in used and one.name.lower() not in guide
    ]


def checks_are_named_and_tagged_alike(project: Project) -> list[str]:
    """A library keyword says Should exactly if it is tagged Check or Wait: scanners go by the name, the page by tags.

    One that only waits ("Deployment Should Be Steady") gives a premise, and judges nothing.
    """
    found = []
    for one in project.libraries:
        says = "should" in one.name.lower().split()
        if "Check" in one.tags and not says:
            found.append(f"{one.library}: {one.name} is tagged Check, and does not say Should.")
        if says and one.tags and not one.tags & {"Check", "Wait"}:
            found.append(f"{one.library}: {one.name} says Should, and is tagged neither Check nor Wait.")
    return found


RULES: tuple[Rule, ...] = (
    each_test_names_a_requirement,
    each_requirement_has_a_test,
    nothing_pauses,
    nothing_is_swallowed_or_decided,
    tests_have_no_logic,
    sentences_have_no_logic,
    tests_are_short,
    files_are_short,
    file_names_are_unique,
    tags_in_documents_match_tests,
    tags_of_tests_are_documented,
    an_opt_in_names_a_variable,
    each_test_judges,
    each_judging_step_checks,
    each_step_is_known,
    each_sentence_is_used,
    checks_are_named_and_tagged_alike,
)


def _calls_of(project: Project, names: Iterable[str], why: str) -> list[str]:
    found = []
    for place, steps in _all_steps(project):
        for step in steps:
            called = {one.name for one in project.calls(step) if isinstance(one, LibraryKeyword)}
            found += [f"{place} calls {name}; {why}." for name in names if name in called]
    return found


def _all_steps(project: Project) -> Iterator[tuple[str, tuple[Step, ...]]]:
    for test in (*project.tests, *project.helpers):
        yield test.place, (*test.steps, *test.around)
    for sentence in project.sentences:
        yield sentence.place, sentence.steps


def _explained(project: Project) -> list[str]:
    table = _TABLE.search(project.readme)
    return re.findall(r"^\| `([^`]+)`", table[1], re.MULTILINE) if table else []
