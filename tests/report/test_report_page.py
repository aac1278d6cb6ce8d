"""The page and its data: complete, in words, safe to open, and in agreement with each other."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from signoff.report.accepted_risks import AcceptedRisk
from signoff.report.checklist import load_checklist
from signoff.report.data import RunFacts, Selection, as_json
from signoff.report.folder import BadFolder, ResultsFolder
from signoff.report.judgement import PlannedTest, ReportedTest, SignOff, judge
from signoff.report.page import render_page

STARTED = datetime(2026, 3, 1, 10, 0, 0).astimezone()
FACTS = RunFacts(
    environment="local",
    targets={"balancer": "http://127.0.0.1:8000"},
    versions={"primary": "1.5.9"},
    started=STARTED,
    finished=STARTED + timedelta(seconds=193),
    processes=2,
    stacks=2,
)
LOST = "3 documents were lost when the primary crashed"


def a_run() -> SignOff:
    tests = [
        ReportedTest(
            "s1-s1-t1",
            "Failover Is Quick",
            "Suites.Failover",
            "PASS",
            "",
            4.2,
            {"Requirement": "FAIL-3", "Limit": "failover ≤ 1 s", "Measured": "median 0.3 s; max 0.5 s", "Seed": "42"},
            checks=2,
        ),
        ReportedTest(
            "s1-s1-t2", "Crash", "Suites.Failover", "FAIL", f"Not met: {LOST}", 1.0, {"Requirement": "FAIL-1"}
        ),
        ReportedTest(
            "s1-s1-t3", "Skipped", "Suites.Failover", "SKIP", "Not tested: no key", 0.1, {"Requirement": "FAIL-6"}
        ),
    ]
    planned = [PlannedTest(test.name, test.suite, test.metadata["Requirement"]) for test in tests]
    gone = PlannedTest("Gone", "Suites.Failover", "FAIL-9")
    return judge(load_checklist(), [*planned, gone], tests)


class Page(HTMLParser):
    """Collects a page's text, links and ids."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.links += filter(None, [given.get("href"), given.get("src")])
        self.ids += filter(None, [given.get("id")])

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"]:
            self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def test_the_verdict_its_reason_and_every_requirement_are_on_the_page() -> None:
    page = Page(render_page(a_run(), FACTS))
    assert "NO-GO. " in page.words
    assert f": {LOST}." in page.words
    assert page.ids == [requirement.id for requirement in load_checklist()]
    for requirement in load_checklist():
        assert requirement.title in page.words
        assert requirement.must_hold in page.words


def test_outcomes_are_said_in_words() -> None:
    words = Page(render_page(a_run(), FACTS)).words
    for outcome in ("Met", "Not met", "Not tested", "Could not be tested"):
        assert outcome in words
    assert "planned but did not report: its process ended early" in words
    assert "no test yet" in words


def test_limits_of_the_run_and_of_the_contract_stand_side_by_side() -> None:
    words = Page(render_page(a_run(), FACTS)).words
    assert "failover ≤ 1 s" in words
    assert "contract: failover max 60 s" in words
    assert "median 0.3 s" in words
    # A requirement that nobody tested shows the contract's limit as well.
    assert "contract: heartbeat max 60 s" in words


def test_the_contracts_limit_is_said_once() -> None:
    limit = {"Requirement": "FAIL-3", "Limit": "failover max 1 s (contract 60 s)"}
    test = ReportedTest("s1-t1", "Quick", "Suite", "PASS", metadata=limit, checks=1)
    html = render_page(judge(load_checklist(), [PlannedTest("Quick", "Suite", "FAIL-3")], [test]), FACTS)
    words = " ".join(Page(html).text.replace("\N{NO-BREAK SPACE}", " ").split())
    assert "failover max 1 s (contract 60 s)" in words
    assert words.count("contract: failover max 60 s") == 0


def test_the_page_needs_no_other_file_to_be_read() -> None:
    html = render_page(a_run(), FACTS)
    page = Page(html)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert all(not link.startswith(("http:", "https:", "//")) for link in page.links)
    assert "@import" not in html
    assert "url(" not in html


def test_links_lead_to_the_tests_in_the_log() -> None:
    page = Page(render_page(a_run(), FACTS))
    assert {link for link in page.links if link.startswith("log.html#")} == {
        "log.html#s1-s1-t1",
        "log.html#s1-s1-t2",
        "log.html#s1-s1-t3",
    }
    inner = [link[1:] for link in page.links if link.startswith("#")]
    assert inner
    assert set(inner) <= set(page.ids)


def test_messages_are_text_and_never_markup() -> None:
    evil = '<script>alert("x")</script><img src=x onerror=alert(1)>'
    test = ReportedTest(
        "s1-t1", evil, "Suite", "FAIL", f"Not met: {evil}", 1.0, {"Requirement": "FAIL-1", "Measured": evil}
    )
    signoff = judge(load_checklist(), [PlannedTest(evil, "Suite", "FAIL-1")], [test], [evil])
    html = render_page(signoff, replace(FACTS, environment=evil, versions={evil: evil}))
    page = Page(html)
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert evil in page.text


def test_what_was_run_is_said() -> None:
    words = Page(render_page(a_run(), replace(FACTS, selection=Selection(include=("core",))))).words
    assert "balancer http://127.0.0.1:8000" in words
    assert "primary 1.5.9" in words
    assert "3 min 13 s" in words
    assert "in 2 parallel processes" in words
    assert "2 local stacks" in words
    assert "--include core" in words
    assert "Failover Is Quick 42" in words


def test_nothing_known_of_the_run_still_makes_a_page() -> None:
    words = Page(render_page(judge(load_checklist(), None, []), RunFacts())).words
    assert "INCOMPLETE." in words
    assert "not known" in words
    assert "none was reported" in words


def test_the_data_has_the_pages_content() -> None:
    signoff = a_run()
    data = as_json(signoff, FACTS)
    assert (data["verdict"], data["exit_code"], data["sentence"]) == ("NO-GO", 1, signoff.sentence)
    assert data["seconds"] == 193.0
    assert [row["id"] for row in data["requirements"]] == [requirement.id for requirement in load_checklist()]
    failover = next(row for row in data["requirements"] if row["id"] == "FAIL-3")
    assert failover["limit"] == "failover ≤ 1 s"
    assert failover["contract_limit"] == "failover max 60 s"
    assert failover["measured"] == "median 0.3 s; max 0.5 s"
    assert failover["tests"] == [
        {
            "name": "Failover Is Quick",
            "suite": "Suites.Failover",
            "outcome": "met",
            "verdicts": [],
            "message": "",
            "seconds": 4.2,
            "log": "log.html#s1-s1-t1",
        }
    ]
    assert {row["outcome"] for row in data["requirements"]} == {
        "met",
        "not met",
        "not tested",
        "could not be tested",
    }


class TestAcceptedRisks:
    """Shown at the top and in their row as what they are, and never as met."""

    RISK = AcceptedRisk("MON-6", "The plan is <b>free</b>.", "Ann", date(2027, 3, 31))

    def page(self, today: date, risk: AcceptedRisk = RISK) -> Page:
        return Page(render_page(judge(load_checklist(), [], [], (), [risk], today), FACTS))

    def test_one_in_force_is_in_plain_sight(self) -> None:
        page = self.page(date(2027, 3, 31))
        words = page.words.replace("\N{NO-BREAK SPACE}", " ")
        accepted = "accepted by Ann until 2027-03-31: The plan is <b>free</b>."
        top, below = words.split("What was run", 1)
        assert f"accepted risk, not tested, {accepted}" in top
        assert "1 of them accepted as a risk" in top
        assert "Not tested: accepted risk" in below
        assert f"Risk {accepted} It does not count against GO, and it is not met." in below

    def test_one_that_is_past_is_said_to_be_past(self) -> None:
        words = self.page(date(2027, 4, 1)).words
        assert "Its last day is past, so it counts as not tested." in words
        assert "accepted risk, not tested" not in words
        assert "Not tested: accepted risk" not in words

    def test_the_data_tell_them(self) -> None:
        signoff = judge(load_checklist(), [], [], (), [self.RISK], date(2027, 3, 31))
        data = as_json(signoff, FACTS)
        row = next(row for row in data["requirements"] if row["id"] == "MON-6")
        assert data["accepted_risks"] == 1
        assert row["outcome"] == "not tested"
        assert row["accepted_risk"] == {
            "reason": "The plan is <b>free</b>.",
            "accepted_by": "Ann",
            "until": "2027-03-31",
            "in_force": True,
            "standing": "It does not count against GO, and it is not met",
        }
        assert all(row["accepted_risk"] is None for row in data["requirements"] if row["id"] != "MON-6")


def test_the_data_names_the_classes_of_what_is_not_met() -> None:
    said = "Not met: 3 violations (2 LOST, 1 STALE): LOST: document d17 is missing; STALE: a read"
    tests = [
        ReportedTest("s1-t1", "First", "Suite", "FAIL", said, metadata={"Requirement": "FAIL-1"}),
        ReportedTest("s1-t2", "Second", "Suite", "FAIL", "Not met: MANGLED: d1", metadata={"Requirement": "FAIL-1"}),
        ReportedTest("s1-t3", "Third", "Suite", "FAIL", "Not met: three", metadata={"Requirement": "FAIL-2"}),
    ]
    plan = [PlannedTest(test.name, test.suite, test.metadata["Requirement"]) for test in tests]
    rows = {row["id"]: row for row in as_json(judge(load_checklist(), plan, tests), FACTS)["requirements"]}
    assert rows["FAIL-1"]["verdicts"] == ["LOST", "STALE", "MANGLED"]
    assert [test["verdicts"] for test in rows["FAIL-1"]["tests"]] == [["LOST", "STALE"], ["MANGLED"]]
    assert rows["FAIL-2"]["verdicts"] == rows["DOC-1"]["verdicts"] == []


class TestFolder:
    @pytest.mark.parametrize("content", [None, "", "<robot", "<robot></robot>", "no xml"])
    def test_missing_or_broken_results_are_incomplete_and_make_a_page(
        self, tmp_path: Path, content: str | None
    ) -> None:
        folder = ResultsFolder(tmp_path)
        folder.save_plan([PlannedTest("Crash", "Suites", "FAIL-1")])
        folder.save_facts(FACTS)
        if content is not None:
            folder.output.write_text(content)
        signoff = folder.report()
        assert signoff.word.exit_code == 2
        assert "output.xml" in signoff.sentence
        assert "output.xml" in Page(folder.page.read_text()).words
        row = next(row for row in signoff.rows if row.requirement.id == "FAIL-1")
        assert row.outcome.value == "could not be tested"

    def test_an_old_run_is_judged_by_the_risks_of_today(self, tmp_path: Path) -> None:
        folder = ResultsFolder(tmp_path)
        folder.save_plan([])
        folder.save_facts(FACTS)
        risk = AcceptedRisk("MON-6", "The plan is free.", "Ann", date(2027, 3, 31))
        assert "1 accepted risk" in folder.report(risks=(risk,), today=date(2027, 3, 31)).sentence
        assert "accepted risk" not in folder.report(risks=(risk,), today=date(2027, 4, 1)).sentence

    def test_facts_come_back_as_they_were_saved(self, tmp_path: Path) -> None:
        folder = ResultsFolder(tmp_path)
        facts = replace(FACTS, selection=Selection(("a",), ("b",), ("c",)), problems=("It rained.",))
        folder.save_facts(facts)
        folder.save_deployment({"targets": facts.targets, "versions": facts.versions})
        assert folder.load_facts() == facts

    def test_the_plan_comes_back_as_it_was_saved(self, tmp_path: Path) -> None:
        plan = (PlannedTest("A", "S", "FAIL-1"), PlannedTest("B", "S", None, "left out"))
        ResultsFolder(tmp_path).save_plan(plan)
        assert ResultsFolder(tmp_path).load_plan() == plan

    def test_a_damaged_file_is_one_sentence(self, tmp_path: Path) -> None:
        folder = ResultsFolder(tmp_path)
        folder.run.write_text("{")
        with pytest.raises(BadFolder, match=re.escape(str(folder.run))):
            folder.report()

    def test_what_an_earlier_run_reported_goes_and_its_journals_stay(self, tmp_path: Path) -> None:
        folder = ResultsFolder(tmp_path)
        for path in (folder.output, folder.page, folder.data, tmp_path / "log.html", tmp_path / "faults.journal"):
            path.write_text("old")
        folder.clear()
        assert [path.name for path in tmp_path.iterdir()] == ["faults.journal"]

    def test_passwords_are_masked_in_what_is_written(self, tmp_path: Path) -> None:
        folder = ResultsFolder(tmp_path)
        folder.save_deployment({"targets": {"database": "postgresql://someone:s3cr3t@db.example/chroma"}})
        folder.save_facts(replace(FACTS, problems=("postgresql://someone:s3cr3t@db.example/chroma did not answer.",)))
        folder.save_plan([])
        folder.report()
        for path in tmp_path.iterdir():
            assert "s3cr3t" not in path.read_text(), path.name
        assert "db.example" in folder.page.read_text()


def test_what_is_left_over_is_on_the_page_with_what_removes_it() -> None:
    facts = replace(FACTS, left_over=("documents-1", "documents-2"), removal="python -m keywords.signoff purge")
    words = Page(render_page(a_run(), facts)).words
    assert "Left over documents-1 documents-2" in words
    assert "To remove them: python -m keywords.signoff purge" in words
    assert as_json(a_run(), facts)["left_over"]["collections"] == ["documents-1", "documents-2"]
    assert "Left over" not in Page(render_page(a_run(), FACTS)).words


def test_each_test_that_did_not_report_is_named_on_the_page() -> None:
    assert (
        "Did not report: these tests were to run, and nothing is known of them Gone"
        in Page(render_page(a_run(), FACTS)).words
    )
    assert as_json(a_run(), FACTS)["did_not_report"] == ["Gone"]
