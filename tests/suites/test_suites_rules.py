"""The suites keep the rules, and each rule has been seen to fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import suite_rules as rules
from call_tree import Project, read_project
from planted_project import CHECKLIST, LIBRARY, README, RESOURCE, SUITE, plant

ROOT = Path(__file__).resolve().parents[2]
TEST = "suites/documents.robot"
SENTENCES = "resources/documents.resource"
STEP = "    When 5 documents are added\n"


@pytest.fixture(scope="module")
def project() -> Project:
    return read_project(ROOT)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_suites_keep_it(project: Project, rule: rules.Rule) -> None:
    assert rule(project) == []


def test_every_suite_was_read(project: Project) -> None:
    assert len({test.file for test in project.tests}) == len(list((ROOT / "suites").rglob("*.robot")))
    assert {test.file for test in project.helpers} == {
        "resources/lifecycle/breaks.robot",
        "resources/lifecycle/fails.robot",
        "resources/lifecycle/passes.robot",
    }
    assert len({one.library for one in project.libraries}) == 1 + len(list((ROOT / "keywords").glob("*Library.py")))


@dataclass(frozen=True)
class Planted:
    """A bad project: what differs from the good one, and what the rule has to name."""

    rule: rules.Rule
    names: str
    files: dict[str, str] = field(default_factory=dict)


def in_test(old: str, new: str) -> dict[str, str]:
    assert old in SUITE
    return {TEST: SUITE.replace(old, new)}


def in_sentence(old: str, new: str) -> dict[str, str]:
    assert old in RESOURCE
    return {SENTENCES: RESOURCE.replace(old, new)}


def hollow(body: str) -> dict[str, str]:
    """The judging sentence with another body."""
    return in_sentence("    Documents Should Be There\n", body)


BAD = {
    "no requirement": Planted(
        rules.each_test_names_a_requirement,
        '"Documents Arrive" names no requirement',
        in_test("    [Metadata]    Requirement    A-1\n", ""),
    ),
    "unknown requirement": Planted(
        rules.each_test_names_a_requirement, "names the requirement A-7", in_test("A-1", "A-7")
    ),
    "requirement without a test": Planted(
        rules.each_requirement_has_a_test,
        "A-2 has no test, and is no accepted risk",
        {"resources/checklist.yaml": CHECKLIST + CHECKLIST.replace("A-1", "A-2")},
    ),
    "pause in a test": Planted(rules.nothing_pauses, "calls Sleep", in_test(STEP, STEP + "    Sleep    1s\n")),
    "pause in a sentence": Planted(
        rules.nothing_pauses,
        '"Every Document Is There" calls Sleep',
        hollow("    BuiltIn.Sleep    1s\n    Documents Should Be There\n"),
    ),
    "pause in disguise": Planted(
        rules.nothing_pauses,
        "calls Sleep",
        hollow("    Run Keywords    Sleep    1s    AND    Documents Should Be There\n"),
    ),
    "pause in a teardown": Planted(
        rules.nothing_pauses,
        '"Documents Arrive" calls Sleep',
        {TEST: SUITE + "    [Teardown]    Sleep    1s\n"},
    ),
    **{
        name: Planted(rules.nothing_is_swallowed_or_decided, f"calls {name}", hollow(f"    {name}{args}\n"))
        for name, args in {
            "Run Keyword And Ignore Error": "    Documents Should Be There",
            "Run Keyword And Return Status": "    Documents Should Be There",
            "Run Keyword And Warn On Failure": "    Documents Should Be There",
            "Wait Until Keyword Succeeds": "    3x    1s    Documents Should Be There",
            "Repeat Keyword": "    3x    Documents Should Be There",
            "Pass Execution": "    good enough",
            "Pass Execution If": "    ${TRUE}    good enough",
            "Skip": "",
            "Skip If": "    ${TRUE}",
        }.items()
    },
    "skipped by a tag": Planted(
        rules.nothing_is_swallowed_or_decided,
        "has the tag robot:skip-on-failure",
        in_test("[Tags]    quick", "[Tags]    quick    robot:skip-on-failure"),
    ),
    "loop in a test": Planted(
        rules.tests_have_no_logic,
        '"Documents Arrive" has FOR in its body',
        in_test(STEP, "    FOR    ${n}    IN    5\n        When ${n} documents are added\n    END\n"),
    ),
    "endless loop in a test": Planted(
        rules.tests_have_no_logic,
        "has WHILE in its body",
        in_test(STEP, "    WHILE    ${TRUE}\n        When 5 documents are added\n    END\n"),
    ),
    "condition in a test": Planted(
        rules.tests_have_no_logic,
        "has IF in its body",
        in_test(STEP, "    IF    ${TRUE}\n        When 5 documents are added\n    END\n"),
    ),
    "try in a test": Planted(
        rules.tests_have_no_logic,
        "has TRY in its body",
        in_test(
            STEP, "    TRY\n        When 5 documents are added\n    EXCEPT    *\n        Log    so what\n    END\n"
        ),
    ),
    "variable in a test": Planted(
        rules.tests_have_no_logic, "has VAR in its body", in_test(STEP, "    VAR    ${x}    1\n" + STEP)
    ),
    "condition in a sentence": Planted(
        rules.sentences_have_no_logic,
        '"Every Document Is There" has IF in its body',
        hollow("    IF    ${TRUE}\n        Documents Should Be There\n    END\n"),
    ),
    "condition in a call": Planted(
        rules.sentences_have_no_logic,
        "calls Run Keyword If",
        hollow("    Run Keyword If    ${TRUE}    Documents Should Be There\n"),
    ),
    "long test": Planted(rules.tests_are_short, "has 12 steps; 10 are the most", in_test(STEP, STEP * 10)),
    "long file": Planted(
        rules.files_are_short,
        "suites/documents.robot has 13 tests; 12 are the most",
        {TEST: SUITE + SUITE.split("*** Test Cases ***\n")[1] * 12},
    ),
    "file name twice": Planted(
        rules.file_names_are_unique, "suites/sync/documents.robot has a name", {"suites/sync/documents.robot": SUITE}
    ),
    "option for no test": Planted(
        rules.tags_in_documents_match_tests,
        "option names the tag thorough",
        {"README.md": README + "\n    tox run -e signoff -- --exclude thorough\n"},
    ),
    "tag of no test": Planted(
        rules.tags_in_documents_match_tests,
        "table names the tag slow",
        {"README.md": README.replace("| `quick` |", "| `slow` | the rest |\n| `quick` |")},
    ),
    "tag that nobody explains": Planted(
        rules.tags_of_tests_are_documented,
        "The tag hidden is not in README's table",
        in_test("[Tags]    quick", "[Tags]    quick    hidden"),
    ),
    "opt-in without a variable": Planted(
        rules.an_opt_in_names_a_variable,
        "has the Opt-In when it suits, which is no environment variable",
        in_test("    [Tags]", "    [Metadata]    Opt-In    when it suits\n    [Tags]"),
    ),
    "opt-in that nobody explains": Planted(
        rules.an_opt_in_names_a_variable,
        "has the Opt-In B_WEBHOOK, which README does not tell of",
        in_test("    [Tags]", "    [Metadata]    Opt-In    B_WEBHOOK\n    [Tags]"),
    ),
    "nothing has to hold": Planted(
        rules.each_test_judges,
        "has no step with Then",
        in_test("Then every document is there", "And every document is there"),
    ),
    "hollow judgement": Planted(
        rules.each_test_judges,
        '"Documents Arrive" reaches no keyword tagged Check',
        hollow("    Log    all is well\n"),
    ),
    "judgement by a premise": Planted(
        rules.each_test_judges, "reaches no keyword tagged Check", hollow("    Deployment Should Be Steady\n")
    ),
    "one hollow step among others": Planted(
        rules.each_judging_step_checks,
        'the step "And 5 documents are added" reaches no keyword tagged Check',
        {TEST: SUITE + "    And 5 documents are added\n"},
    ),
    "unknown step": Planted(
        rules.each_step_is_known,
        'nobody knows the step "When nothing happens"',
        in_test(STEP, "    When nothing happens\n"),
    ),
    "sentence that nobody uses": Planted(
        rules.each_sentence_is_used,
        'No test uses resources/documents.resource, "Nobody Says This"',
        {SENTENCES: RESOURCE + "\nNobody Says This\n    Documents Should Be There\n"},
    ),
    "check without Should": Planted(
        rules.checks_are_named_and_tagged_alike,
        "ProbeLibrary: Documents Are There is tagged Check, and does not say Should",
        {
            "keywords/ProbeLibrary.py": LIBRARY.replace("documents_should_be_there", "documents_are_there"),
            SENTENCES: RESOURCE.replace("Documents Should Be There", "Documents Are There"),
        },
    ),
    "Should without a tag": Planted(
        rules.checks_are_named_and_tagged_alike,
        "ProbeLibrary: Documents Should Be There says Should, and is tagged neither",
        {"keywords/ProbeLibrary.py": LIBRARY.replace('"Check"', '"Action"')},
    ),
}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_a_good_project_keeps_it(tmp_path: Path, rule: rules.Rule) -> None:
    assert rule(plant(tmp_path, {})) == []


@pytest.mark.parametrize("name", BAD)
def test_a_bad_project_is_named(tmp_path: Path, name: str) -> None:
    bad = BAD[name]
    found = bad.rule(plant(tmp_path, bad.files))
    assert [sentence for sentence in found if bad.names in sentence], found
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in found)


def test_each_rule_was_seen_to_fail() -> None:
    assert {bad.rule for bad in BAD.values()} == set(rules.RULES)


class TestGood:
    """What a rule must not take for a fault."""

    def test_a_requirement_may_be_an_accepted_risk(self, tmp_path: Path) -> None:
        risk = "- {id: A-2, reason: Nobody has one., accepted_by: Ann, until: 2027-03-31}\n"
        both = CHECKLIST + CHECKLIST.replace("A-1", "A-2")
        files = {"resources/checklist.yaml": both, "resources/accepted_risks.yaml": risk}
        assert rules.each_requirement_has_a_test(plant(tmp_path, files)) == []

    def test_a_sentence_that_nobody_uses_may_be_told_of(self, tmp_path: Path) -> None:
        files = {
            SENTENCES: RESOURCE + "\nNobody Says This\n    Documents Should Be There\n",
            "docs/writing-suites.md": "A new scenario may use `nobody says this`.\n",
        }
        assert rules.each_sentence_is_used(plant(tmp_path, files)) == []

    @pytest.mark.parametrize(
        "body",
        [
            "    Should Be Equal    ${1}    ${1}\n",
            "    Run Keyword And Expect Error    Not met:*    Deployment Should Be Steady\n",
        ],
    )
    def test_a_standard_check_and_an_expected_error_judge(self, tmp_path: Path, body: str) -> None:
        project = plant(tmp_path, hollow(body))
        assert rules.each_test_judges(project) == rules.each_judging_step_checks(project) == []

    def test_the_closest_sentence_is_followed(self, tmp_path: Path) -> None:
        # "Every ${thing} Is There" matches as well, and checks nothing: Robot Framework takes the one without a blank.
        project = plant(tmp_path, {SENTENCES: RESOURCE + "\nEvery ${thing} Is There\n    Log    ${thing}\n"})
        assert rules.each_judging_step_checks(project) == []
