"""The judgement: laws that hold for any results, and the classification of single tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.report.accepted_risks import AcceptedRisk
from signoff.report.checklist import Requirement, load_checklist
from signoff.report.judgement import (
    CHECKS_NOTHING,
    DID_NOT_REPORT,
    NO_TEST_YET,
    PlannedTest,
    ReportedTest,
    SignOff,
    Standing,
    Word,
    judge,
    judge_test,
    outcome_of_tests,
    verdict_word,
)
from signoff.verdict import Outcome, VerdictClass

IDS = ["A-1", "A-2", "B-1"]
CHECKLIST = [Requirement(name, name[0], f"title of {name}", "must hold") for name in IDS]


def a_test(requirement: str, number: int = 0, **changes: object) -> ReportedTest:
    """A test that passed and checked something, unless changed."""
    test = ReportedTest(
        f"s1-t{number}", f"Test {number}", "Suite", "PASS", metadata={"Requirement": requirement}, checks=1
    )
    return replace(test, **changes)  # type: ignore[arg-type]


def plan(tests: list[ReportedTest]) -> list[PlannedTest]:
    return [PlannedTest(test.name, test.suite, test.metadata.get("Requirement")) for test in tests]


def judged(tests: list[ReportedTest], *more: PlannedTest, errors: tuple[str, ...] = ()) -> SignOff:
    return judge(CHECKLIST, [*plan(tests), *more], tests, errors)


def by_id(signoff: SignOff) -> dict[str, Outcome]:
    return {row.requirement.id: row.outcome for row in signoff.rows}


ALL_MET = [a_test(name, number) for number, name in enumerate(IDS)]

MESSAGES = st.sampled_from(
    ["", "boom", "Not met: lost", "Could not be tested: no answer", "Not tested: no key", "1) Not met: x\n\n2) boom"]
)


@st.composite
def run_results(draw: st.DrawFn) -> list[ReportedTest]:
    count = draw(st.integers(0, 6))
    return [
        a_test(
            draw(st.sampled_from([*IDS, "", "NO-SUCH"])),
            number,
            status=draw(st.sampled_from(["PASS", "FAIL", "SKIP", "NOT RUN"])),
            message=draw(MESSAGES),
            checks=draw(st.integers(0, 2)),
            plain_check_failed=draw(st.booleans()),
        )
        for number in range(count)
    ]


class TestLaws:
    @given(run_results())
    def test_one_test_not_met_is_never_go(self, tests: list[ReportedTest]) -> None:
        bad = a_test("A-1", 99, status="FAIL", message="Not met: lost")
        assert judged([*tests, bad]).word is Word.NO_GO

    @given(run_results())
    def test_go_if_and_only_if_every_row_is_met_and_nothing_is_wrong(self, tests: list[ReportedTest]) -> None:
        signoff = judged(tests)
        every_row_met = set(by_id(signoff).values()) == {Outcome.MET}
        assert (signoff.word is Word.GO) == (every_row_met and not signoff.errors)

    @given(run_results())
    def test_a_skip_never_counts_as_met(self, tests: list[ReportedTest]) -> None:
        skipped = [replace(test, status="SKIP") for test in tests]
        assert Outcome.MET not in by_id(judged(skipped)).values()

    @given(run_results())
    def test_every_requirement_appears_exactly_once_in_order(self, tests: list[ReportedTest]) -> None:
        assert [row.requirement.id for row in judged(tests).rows] == IDS

    @given(run_results(), st.data())
    def test_a_vanished_test_never_improves_the_verdict(self, tests: list[ReportedTest], data: st.DataObject) -> None:
        planned = plan(tests)
        there = [test for test in tests if data.draw(st.booleans())]
        signoff = judge(CHECKLIST, planned, there)
        assert signoff.word is not Word.GO or there == tests

    @given(run_results())
    def test_a_reported_test_is_in_a_row_or_in_an_error(self, tests: list[ReportedTest]) -> None:
        signoff = judged(tests)
        in_rows = {test.log for row in signoff.rows for test in row.tests}
        for test in tests:
            assert test.id in in_rows or any(test.full_name in error for error in signoff.errors)

    @given(run_results(), st.sampled_from(["pabot ended abnormally.", "output.xml is missing."]))
    def test_an_error_beside_the_tests_rules_out_go(self, tests: list[ReportedTest], error: str) -> None:
        assert judged(tests, errors=(error,)).word is not Word.GO

    @given(st.lists(st.sampled_from(Outcome), min_size=1))
    def test_the_word_follows_the_worst_outcome(self, outcomes: list[Outcome]) -> None:
        worst = outcome_of_tests(outcomes)
        assert verdict_word(outcomes) is verdict_word([worst])

    @given(run_results())
    def test_the_sentence_begins_with_the_verdict_and_is_one_line(self, tests: list[ReportedTest]) -> None:
        signoff = judged(tests)
        assert signoff.sentence.startswith(f"{signoff.word.value}. ")
        assert "\n" not in signoff.sentence


class TestOneTest:
    @pytest.mark.parametrize(
        ("status", "message", "expected", "reason"),
        [
            ("FAIL", "Not met: 3 documents were lost.", Outcome.NOT_MET, "3 documents were lost."),
            ("FAIL", "Could not be tested: no answer", Outcome.COULD_NOT_BE_TESTED, "no answer"),
            ("FAIL", "Not tested: no key", Outcome.NOT_TESTED, "no key"),
            ("FAIL", "ConnectionError: refused", Outcome.COULD_NOT_BE_TESTED, "ConnectionError: refused"),
            ("FAIL", "", Outcome.COULD_NOT_BE_TESTED, "failed without a message"),
            ("FAIL", "Several failures occurred:\n\n1) boom\n\n2) Not met: lost", Outcome.NOT_MET, "lost"),
            ("FAIL", "Setup failed:\nNot met: not steady", Outcome.NOT_MET, "not steady"),
            ("FAIL", "Setup failed:\nConnectionError", Outcome.COULD_NOT_BE_TESTED, "ConnectionError"),
            ("FAIL", "Parent suite setup failed:\nNot met: down", Outcome.NOT_MET, "down"),
            ("FAIL", "boom\n\nAlso teardown failed:\nNot met: left over", Outcome.NOT_MET, "left over"),
            ("FAIL", "*HTML* <b>Not met</b>: 2 &lt; 3", Outcome.NOT_MET, "2 < 3"),
            (
                "FAIL",
                "Keyword 'X' failed after retrying for 5 seconds. The last error was: Not met: still 3",
                Outcome.NOT_MET,
                "still 3",
            ),
            ("FAIL", "The page says Not met: somewhere", Outcome.COULD_NOT_BE_TESTED, None),
            ("SKIP", "Not tested: no replica here", Outcome.NOT_TESTED, "no replica here"),
            ("SKIP", "", Outcome.NOT_TESTED, "skipped without a reason"),
            ("SKIP", "Skipped in teardown:\nlater\n\nEarlier message:\nNot met: lost", Outcome.NOT_MET, "lost"),
            ("SKIP", "Could not be tested: broken", Outcome.COULD_NOT_BE_TESTED, "broken"),
            ("PASS", "", Outcome.MET, ""),
            ("PASS", "Not met: hidden by Pass Execution", Outcome.NOT_MET, "hidden by Pass Execution"),
            ("NOT RUN", "", Outcome.COULD_NOT_BE_TESTED, "reported with the unknown status NOT RUN"),
        ],
    )
    def test_outcome_and_reason(self, status: str, message: str, expected: Outcome, reason: str | None) -> None:
        test = judge_test(a_test("A-1", status=status, message=message))
        assert test.outcome is expected
        assert reason is None or test.reason == reason

    @pytest.mark.parametrize(
        ("status", "message", "named"),
        [
            ("FAIL", "Not met: LOST: document d17 is missing", [VerdictClass.LOST]),
            ("FAIL", "Not met: 3 documents were lost", []),
            (
                "FAIL",
                "Several failures occurred:\n\n1) Not met: STALE: a read\n\n2) Not met: LOST: d17",
                [VerdictClass.STALE, VerdictClass.LOST],
            ),
            (
                "FAIL",
                "Not met: STALE: a read\n\nAlso teardown failed:\nCould not be tested: LOST: d17",
                [VerdictClass.STALE],
            ),
            ("FAIL", "Could not be tested: c1 is all there: last seen: LOST: d17", []),
            ("FAIL", "*HTML* <b>Not met</b>: LOST: 2 &lt; 3", [VerdictClass.LOST]),
            ("FAIL", "Setup failed:\nNot met: LOST: d17", [VerdictClass.LOST]),
            ("SKIP", "Skipped in teardown:\nlater\n\nEarlier message:\nNot met: LOST: d17", [VerdictClass.LOST]),
            ("PASS", "", []),
        ],
    )
    def test_the_classes_are_those_of_what_is_not_met(
        self, status: str, message: str, named: list[VerdictClass]
    ) -> None:
        assert judge_test(a_test("A-1", status=status, message=message)).verdicts == tuple(named)

    def test_a_requirement_has_the_classes_of_all_its_tests(self) -> None:
        messages = ["Not met: LOST: d17", "Not tested: no key", "Not met: STALE: a read; LOST: d18"]
        tests = [a_test("A-1", number, status="FAIL", message=said) for number, said in enumerate(messages)]
        row = judged(tests).rows[0]
        assert row.verdicts == (VerdictClass.LOST, VerdictClass.STALE)

    def test_a_test_that_checks_nothing_is_not_evidence(self) -> None:
        test = judge_test(a_test("A-1", checks=0))
        assert (test.outcome, test.reason) == (Outcome.COULD_NOT_BE_TESTED, CHECKS_NOTHING)

    def test_a_plain_should_keyword_that_fails_is_not_met(self) -> None:
        test = judge_test(a_test("A-1", status="FAIL", message="503 != 200", plain_check_failed=True))
        assert (test.outcome, test.reason) == (Outcome.NOT_MET, "503 != 200")


class TestPlan:
    def test_a_planned_test_that_did_not_report_could_not_be_tested(self) -> None:
        signoff = judged(ALL_MET, PlannedTest("Gone", "Suite", "A-2"))
        row = signoff.rows[1]
        assert (row.outcome, row.reason) == (Outcome.COULD_NOT_BE_TESTED, DID_NOT_REPORT)
        assert signoff.word is Word.INCOMPLETE

    def test_of_two_tests_of_one_name_both_must_report(self) -> None:
        signoff = judged(ALL_MET, PlannedTest("Test 0", "Suite", "A-1"))
        assert by_id(signoff)["A-1"] is Outcome.COULD_NOT_BE_TESTED

    def test_a_left_out_test_is_not_tested_and_says_why(self) -> None:
        left_out = PlannedTest("Other", "Suite", "A-1", left_out="left out of this run by --include x")
        row = judged(ALL_MET, left_out).rows[0]
        assert (row.outcome, row.reason) == (Outcome.NOT_TESTED, "left out of this run by --include x")

    def test_a_requirement_without_a_test(self) -> None:
        row = judged(ALL_MET[:2]).rows[2]
        assert (row.outcome, row.reason) == (Outcome.NOT_TESTED, NO_TEST_YET)

    def test_a_test_that_was_not_planned_is_an_error(self) -> None:
        signoff = judge(CHECKLIST, plan(ALL_MET[:2]), ALL_MET)
        assert signoff.word is Word.INCOMPLETE
        assert signoff.errors == ("Suite.Test 2 reported without having been planned.",)

    def test_without_a_plan_nothing_is_go(self) -> None:
        signoff = judge(CHECKLIST, None, ALL_MET)
        assert signoff.word is Word.INCOMPLETE
        assert "plan of this run is missing" in signoff.sentence

    @pytest.mark.parametrize("name", ["", "NO-1"])
    def test_a_test_without_a_known_requirement_is_an_error(self, name: str) -> None:
        signoff = judged([*ALL_MET, a_test(name, 9)])
        assert signoff.word is Word.INCOMPLETE
        assert len(signoff.errors) == 1
        assert "Suite.Test 9" in signoff.errors[0]
        assert name in signoff.errors[0]

    def test_an_empty_checklist_is_never_go(self) -> None:
        assert judge([], [], []).word is Word.INCOMPLETE


class TestSentence:
    def test_go(self) -> None:
        assert judged(ALL_MET).sentence == "GO. All 3 requirements are met."

    def test_no_go_gives_the_first_reason_in_the_order_of_the_checklist(self) -> None:
        later = a_test("B-1", 7, status="FAIL", message="Not met: the later one")
        first = a_test("A-2", 8, status="FAIL", message="Not met: 3 documents were lost\nd17 is gone")
        title = CHECKLIST[1].title
        assert judged([*ALL_MET, later, first]).sentence == (
            f"NO-GO. {title}: 3 documents were lost. 1 requirement met, 2 not met."
        )

    def test_a_long_reason_is_cut_between_words(self) -> None:
        long = a_test("A-2", 8, status="FAIL", message="Not met: " + "document d17 is missing; " * 40)
        sentence = judged([*ALL_MET, long]).sentence
        assert "document d17 is missing; document" in sentence
        assert " …" in sentence
        assert len(sentence) < 300

    def test_incomplete_counts_what_is_not_tested(self) -> None:
        assert judged(ALL_MET[:1]).sentence == (
            "INCOMPLETE. Nothing failed, but 2 requirements are not tested. 1 requirement met, 2 not tested."
        )

    def test_incomplete_does_not_say_nothing_failed_if_a_test_broke(self) -> None:
        broken = a_test("A-2", 5, status="FAIL", message="boom")
        assert judged([ALL_MET[0], broken]).sentence == (
            "INCOMPLETE. 1 requirement could not be tested and 1 is not tested. "
            "1 requirement met, 1 not tested, 1 could not be tested."
        )

    @pytest.mark.parametrize(("word", "code"), [(Word.GO, 0), (Word.NO_GO, 1), (Word.INCOMPLETE, 2)])
    def test_the_exit_code_is_the_verdict(self, word: Word, code: int) -> None:
        assert word.exit_code == code


ASIDE = {"Requirement": "A-1", "Opt-In": "A_WEBHOOK"}


class TestOptIn:
    """What has to be asked for expressly stands aside as long as nobody does."""

    def test_what_nobody_asked_for_is_said_and_does_not_count(self) -> None:
        unasked = a_test("A-1", 9, status="SKIP", message="Not tested: no webhook is given", metadata=ASIDE)
        signoff = judged([*ALL_MET, unasked])
        assert signoff.word is Word.GO
        assert signoff.sentence == "GO. All 3 requirements are met. Not tested, as nobody asked for it: Test 9."

    @pytest.mark.parametrize("message", ["Not met: lost", "Could not be tested: no answer", "boom"])
    def test_what_was_asked_for_counts(self, message: str) -> None:
        asked = a_test("A-1", 9, status="FAIL", message=message, metadata=ASIDE)
        assert judged([*ALL_MET, asked]).word is not Word.GO

    def test_nothing_is_met_by_what_nobody_asked_for(self) -> None:
        unasked = a_test("A-1", 9, status="SKIP", message="Not tested: no webhook is given", metadata=ASIDE)
        assert by_id(judged([*ALL_MET[1:], unasked]))["A-1"] is Outcome.NOT_TESTED

    def test_any_other_test_that_was_skipped_counts(self) -> None:
        skipped = a_test("A-1", 9, status="SKIP", message="Not tested: no key")
        assert judged([*ALL_MET, skipped]).word is Word.INCOMPLETE


TODAY = date(2027, 3, 31)


def accepting(
    tests: list[ReportedTest], *ids: str, until: date = TODAY, today: date | None = TODAY, errors: tuple[str, ...] = ()
) -> SignOff:
    """The judgement when Ann accepts the risk of these requirements."""
    risks = [AcceptedRisk(id, "Nobody has a second region.", "Ann", until) for id in ids]
    return judge(CHECKLIST, plan(tests), tests, errors, risks, today)


class TestAcceptedRisks:
    """What a person accepts to be not tested does not count against GO, says so, and hides nothing else."""

    def test_a_requirement_that_was_not_tested_does_not_count_against_go(self) -> None:
        signoff = accepting(ALL_MET[:2], "B-1")
        assert signoff.sentence == "GO. 2 of 3 requirements are met, and 1 accepted risk was not tested: B-1."
        row = signoff.rows[2]
        assert (row.outcome, row.reason, row.standing) == (Outcome.NOT_TESTED, NO_TEST_YET, Standing.IN_FORCE)

    def test_a_skip_is_covered_too(self) -> None:
        skipped = a_test("B-1", 2, status="SKIP", message="Not tested: no key")
        signoff = accepting([*ALL_MET[:1], skipped], "A-2", "B-1")
        assert signoff.sentence == "GO. 1 of 3 requirements are met, and 2 accepted risks were not tested: A-2 and B-1."

    @pytest.mark.parametrize(
        ("message", "word", "standing"),
        [
            ("Not met: lost", Word.NO_GO, Standing.NOT_MET),
            ("Could not be tested: no answer", Word.INCOMPLETE, Standing.BROKEN),
            ("boom", Word.INCOMPLETE, Standing.BROKEN),
        ],
    )
    def test_it_hides_nothing_that_went_wrong(self, message: str, word: Word, standing: Standing) -> None:
        failed = a_test("B-1", 2, status="FAIL", message=message)
        signoff = accepting([*ALL_MET[:2], failed], "B-1")
        assert (signoff.word, signoff.rows[2].standing) == (word, standing)
        assert "accepted risk" not in signoff.sentence

    def test_a_test_that_was_skipped_beside_one_that_failed_hides_nothing(self) -> None:
        tests = [*ALL_MET, a_test("B-1", 8, status="SKIP"), a_test("B-1", 9, status="FAIL", message="Not met: lost")]
        assert accepting(tests, "B-1").word is Word.NO_GO

    def test_after_its_last_day_it_counts_again(self) -> None:
        signoff = accepting(ALL_MET[:2], "B-1", until=date(2027, 3, 30))
        assert signoff.sentence == (
            "INCOMPLETE. Nothing failed, but 1 requirement is not tested. 2 requirements met, 1 not tested."
        )
        assert signoff.rows[2].standing is Standing.PAST

    def test_who_does_not_know_the_day_accepts_nothing(self) -> None:
        assert accepting(ALL_MET[:2], "B-1", until=date.max, today=None).word is Word.INCOMPLETE

    def test_one_that_was_tested_is_not_needed(self) -> None:
        signoff = accepting(ALL_MET, "B-1")
        assert signoff.sentence == "GO. All 3 requirements are met."
        assert signoff.rows[2].standing is Standing.NOT_NEEDED

    def test_accepting_everything_is_not_go(self) -> None:
        signoff = accepting([], *IDS)
        assert signoff.sentence == (
            "INCOMPLETE. Nothing is met: every requirement is an accepted risk. 0 requirements met, 3 accepted risks."
        )

    def test_they_are_counted_beside_every_verdict(self) -> None:
        broken = a_test("A-2", 8, status="FAIL", message="Not met: lost")
        assert accepting([ALL_MET[0], broken], "B-1").sentence.endswith(
            " 1 requirement met, 1 not met, 1 accepted risk."
        )
        assert accepting(ALL_MET[:1], "B-1").sentence == (
            "INCOMPLETE. Nothing failed, but 1 requirement is not tested. "
            "1 requirement met, 1 not tested, 1 accepted risk."
        )

    def test_an_error_outside_the_tests_still_rules_out_go(self) -> None:
        signoff = accepting(ALL_MET[:2], "B-1", errors=("pabot ended abnormally.",))
        assert signoff.sentence == (
            "INCOMPLETE. Nothing failed, but pabot ended abnormally. 2 requirements met, 1 accepted risk."
        )

    @given(run_results(), st.sets(st.sampled_from(IDS)))
    def test_no_accepted_risk_changes_an_outcome(self, tests: list[ReportedTest], ids: set[str]) -> None:
        assert by_id(accepting(tests, *ids)) == by_id(judged(tests))

    @given(run_results(), st.sets(st.sampled_from(IDS)))
    def test_the_verdict_is_that_of_the_other_requirements(self, tests: list[ReportedTest], ids: set[str]) -> None:
        signoff = accepting(tests, *ids)
        counted = [row.outcome for row in signoff.rows if not row.accepted]
        assert signoff.word is (verdict_word(counted) if not signoff.errors else min_word(verdict_word(counted)))
        assert all(row.outcome is Outcome.NOT_TESTED for row in signoff.rows if row.accepted)

    @given(run_results(), st.sets(st.sampled_from(IDS)))
    def test_each_one_in_force_is_in_the_sentence(self, tests: list[ReportedTest], ids: set[str]) -> None:
        signoff = accepting(tests, *ids)
        number = sum(row.accepted for row in signoff.rows)
        assert (f"{number} accepted risk" in signoff.sentence) == bool(number)


def min_word(word: Word) -> Word:
    """The verdict when something went wrong outside the tests."""
    return Word.INCOMPLETE if word is Word.GO else word


def test_what_pabot_ended_did_not_report() -> None:
    cut = "User interrupted Pabot execution (Ctrl+C) when this test/suite was running. Unfortunately, there is no data."
    reported = [ReportedTest("s1-t1", "Cut", "Suite", "FAIL", cut, 0.0, {"Requirement": "FAIL-4"})]
    planned = [PlannedTest("Cut", "Suite", "FAIL-4"), PlannedTest("Next", "Suite", "FAIL-5")]
    signoff = judge(load_checklist(), planned, reported)
    assert signoff.unreported == ("Cut", "Next")
    assert {row.requirement.id: row.reason for row in signoff.rows if row.tests} == {
        "FAIL-4": "planned but did not report: the run was interrupted",
        "FAIL-5": "planned but did not report: its process ended early",
    }
