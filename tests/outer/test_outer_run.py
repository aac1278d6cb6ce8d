"""Real runs of small suites through pabot, judged by what their pages say."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from robot.api import ExecutionResult

from signoff.report.checklist import load_checklist

ROOT = Path(__file__).resolve().parents[2]
BARE_RUN = Path(__file__).with_name("bare_run.py")

COLOURFUL = """
*** Settings ***
Library    Collections

*** Test Cases ***
Checked And Right
    [Metadata]    Requirement    HEALTH-1
    Set Test Metadata    Limit    at most 2
    Set Test Metadata    Measured    1
    Should Be Equal    a    a

Says That It Is Not Met
    [Metadata]    Requirement    HEALTH-2
    Fail    Not met: 3 documents were lost <b>on the replica</b>.

Plain Check Fails
    [Metadata]    Requirement    HEALTH-3
    Lists Should Be Equal    ${{[1]}}    ${{[2]}}

Plain Check Fails Inside A Sentence
    [Metadata]    Requirement    HEALTH-4
    The Answer Is Right

Breaks
    [Metadata]    Requirement    HEALTH-5
    Should Be Equal    a    a
    Evaluate    1 / 0

Checks Nothing
    [Metadata]    Requirement    HEALTH-6
    Log    looks fine

Only Its Name Checks
    [Metadata]    Requirement    MAP-1
    Everything Should Be Fine

Only Its Setup Checks
    [Metadata]    Requirement    MAP-2
    [Setup]    Should Be Equal    a    a
    Log    looks fine

Skipped
    [Metadata]    Requirement    MAP-3
    Should Be Equal    a    a
    Skip    Not tested: there is no second instance

Failed And Then Skipped
    [Metadata]    Requirement    MAP-4
    Fail    Not met: it came back
    [Teardown]    Skip    never mind

Premise Fails
    [Metadata]    Requirement    MAP-5
    [Setup]    Should Be Equal    a    b
    Should Be Equal    a    a

A Failure That Was Expected
    [Metadata]    Requirement    DOC-1
    Run Keyword And Expect Error    Not met*    Fail    Not met: planted

A Failure That Was Caught
    [Metadata]    Requirement    DOC-2
    TRY
        Should Be Equal    a    b
    EXCEPT
        Evaluate    1 / 0
    END

Several Failures
    [Metadata]    Requirement    DOC-3
    Run Keyword And Continue On Failure    Evaluate    1 / 0
    Fail    Not met: the second one

Names No Requirement
    Should Be Equal    a    a

Names An Unknown Requirement
    [Metadata]    Requirement    HEALTH-99
    Should Be Equal    a    a

*** Keywords ***
The Answer Is Right
    Should Be Equal As Integers    503    200

Everything Should Be Fine
    No Operation
"""

KILLED = """
*** Test Cases ***
Passes Before The Crash
    [Metadata]    Requirement    WAL-1
    Should Be Equal    a    a

Takes Its Process With It
    [Metadata]    Requirement    WAL-2
    Evaluate    os.kill(os.getpid(), signal.SIGKILL)    modules=os,signal

Never Gets Its Turn
    [Metadata]    Requirement    WAL-3
    Should Be Equal    a    a
"""

TEARDOWN = """
*** Settings ***
Suite Teardown    Fail    Not met: the second instance never came back.

*** Test Cases ***
Passes By Itself
    [Metadata]    Requirement    WAL-4
    Should Be Equal    a    a
"""

BROKEN_IMPORT = """
*** Settings ***
Library    NoSuchLibraryAnywhere

*** Test Cases ***
Would Pass Without It
    [Metadata]    Requirement    WAL-5
    Should Be Equal    a    a
"""

ENDLESS = """
*** Test Cases ***
Passes Before The Interruption
    [Metadata]    Requirement    HEALTH-1
    Should Be Equal    a    a

Goes On And On
    [Metadata]    Requirement    HEALTH-2
    Create File    ${MARK}
    Sleep    60 s

*** Settings ***
Library    OperatingSystem

*** Variables ***
${MARK}    %{MARK}
"""


@dataclass(frozen=True)
class Run:
    """A finished run."""

    code: int
    out: str
    err: str
    results: Path

    @property
    def data(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.results / "signoff.json").read_text())
        return content

    @property
    def outcomes(self) -> dict[str, str]:
        return {row["id"]: row["outcome"] for row in self.data["requirements"]}

    def row(self, requirement: str) -> dict[str, Any]:
        row: dict[str, Any] = next(row for row in self.data["requirements"] if row["id"] == requirement)
        return row


def write_suites(folder: Path, **suites: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in suites.items():
        (folder / f"{name}.robot").write_text(text)
    return folder


def run_bare(folder: Path, *tags: str, **suites: str) -> Run:
    source = write_suites(folder / "suites", **suites)
    command = [sys.executable, str(BARE_RUN), str(source), str(folder / "results"), *tags]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return Run(ended.returncode, ended.stdout, ended.stderr, folder / "results")


def run_command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "keywords.signoff", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def colourful(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run with every kind of ending in it."""
    folder = tmp_path_factory.mktemp("colourful")
    return run_bare(folder, colourful=COLOURFUL, killed=KILLED, teardown=TEARDOWN, broken_import=BROKEN_IMPORT)


class TestEveryKindOfEnding:
    def test_the_verdict_is_no_go_with_the_first_reason(self, colourful: Run) -> None:
        assert colourful.code == colourful.data["exit_code"] == 1
        assert colourful.data["sentence"].startswith(
            "NO-GO. Health checks answer fast: 3 documents were lost <b>on the replica</b>. 2 requirements"
        )
        assert colourful.out.splitlines()[-2:] == [
            colourful.data["sentence"],
            str(colourful.results / "signoff.html"),
        ]
        assert colourful.err == ""

    @pytest.mark.parametrize(
        ("requirement", "outcome", "reason"),
        [
            ("HEALTH-1", "met", ""),
            ("HEALTH-2", "not met", "3 documents were lost <b>on the replica</b>."),
            ("HEALTH-3", "not met", "Lists are different:"),
            ("HEALTH-4", "not met", "503 != 200"),
            ("HEALTH-5", "could not be tested", "Evaluating expression '1 / 0' failed: ZeroDivisionError"),
            ("HEALTH-6", "could not be tested", "it checks nothing"),
            ("MAP-1", "could not be tested", "it checks nothing"),
            ("MAP-2", "could not be tested", "it checks nothing"),
            ("MAP-3", "not tested", "there is no second instance"),
            ("MAP-4", "not met", "it came back"),
            ("MAP-5", "could not be tested", "a != b"),
            ("DOC-1", "met", ""),
            ("DOC-2", "could not be tested", "Evaluating expression '1 / 0' failed: ZeroDivisionError"),
            ("DOC-3", "not met", "the second one"),
            ("WAL-1", "could not be tested", "planned but did not report: its process ended early"),
            ("WAL-2", "could not be tested", "planned but did not report: its process ended early"),
            ("WAL-3", "could not be tested", "planned but did not report: its process ended early"),
            ("WAL-4", "not met", "the second instance never came back."),
            ("WAL-5", "could not be tested", None),
            ("PROD-8", "not tested", "no test yet"),
        ],
    )
    def test_outcome_and_reason(self, colourful: Run, requirement: str, outcome: str, reason: str | None) -> None:
        row = colourful.row(requirement)
        assert row["outcome"] == outcome
        if reason is not None:
            assert row["reason"].startswith(reason)
            assert bool(row["reason"]) == bool(reason)

    def test_limit_and_measured_survive_pabots_merge(self, colourful: Run) -> None:
        row = colourful.row("HEALTH-1")
        assert (row["limit"], row["measured"]) == ("at most 2", "1")

    def test_what_went_wrong_beside_the_tests_is_listed(self, colourful: Run) -> None:
        errors = "\n".join(colourful.data["errors"])
        assert "exit code 252" in errors
        assert "Names No Requirement does not say which requirement it tests" in errors
        assert "HEALTH-99, which is not in the checklist" in errors
        assert "NoSuchLibraryAnywhere" in errors

    def test_every_link_leads_to_its_test(self, colourful: Run) -> None:
        tests = {test.id: test for test in ExecutionResult(colourful.results / "output.xml").suite.all_tests}
        log = (colourful.results / "log.html").read_text()
        linked = [test for row in colourful.data["requirements"] for test in row["tests"] if test["log"]]
        assert linked
        for test in linked:
            target = tests[test["log"].removeprefix("log.html#")]
            assert (target.name, target.parent.full_name) == (test["name"], test["suite"])
            assert test["name"] in log

    def test_messages_are_escaped_on_the_page(self, colourful: Run) -> None:
        html = (colourful.results / "signoff.html").read_text()
        assert "&lt;b&gt;on the replica&lt;/b&gt;" in html
        assert "<b>on the replica" not in html

    def test_progress_was_shown(self, colourful: Run) -> None:
        assert re.search(r"done \d/4  Suites\.Colourful  \d+ tests did not pass", colourful.out)
        assert re.search(r"done \d/4  Suites\.Killed  its process was ended early", colourful.out)

    def test_everything_is_in_the_results_folder(self, colourful: Run) -> None:
        folder = colourful.results.parent
        assert sorted(path.name for path in folder.iterdir()) == ["results", "suites"]
        names = {path.name for path in colourful.results.iterdir()}
        assert {"output.xml", "log.html", "report.html", "signoff.html", "signoff.json", "stopped"} <= names

    def test_the_report_can_be_made_again(self, colourful: Run) -> None:
        before = colourful.data
        page = (colourful.results / "signoff.html").read_text()
        ended = run_command("report", "--results", str(colourful.results))
        assert (ended.returncode, ended.stderr) == (1, "")
        assert colourful.data == before
        assert (colourful.results / "signoff.html").read_text() == page


def test_go_when_every_requirement_is_met(tmp_path: Path) -> None:
    tests = "\n".join(
        f"Test {row.id}\n    [Metadata]    Requirement    {row.id}\n    Should Be Equal    a    a\n"
        for row in load_checklist()
    )
    run = run_bare(tmp_path, all="*** Test Cases ***\n" + tests)
    assert run.code == 0
    assert run.data["sentence"] == "GO. All 56 requirements are met."
    assert run.data["errors"] == []


def test_a_selection_says_what_it_left_out(tmp_path: Path) -> None:
    suite = """
*** Test Cases ***
Chosen
    [Metadata]    Requirement    HEALTH-1
    [Tags]    core
    Should Be Equal    a    a

Left Out
    [Metadata]    Requirement    HEALTH-2
    Should Be Equal    a    a

Second Test Of The Chosen One
    [Metadata]    Requirement    HEALTH-1
    Should Be Equal    a    a
"""
    run = run_bare(tmp_path, "core", some=suite)
    assert run.code == 2
    assert run.data["selection"] == {"include": ["core"], "exclude": [], "suites": [], "requirements": []}
    assert run.row("HEALTH-2")["reason"] == "left out of this run by --include core"
    # One of its tests ran and is fine; that doesn't make the requirement met.
    assert run.outcomes["HEALTH-1"] == "not tested"
    assert [test["outcome"] for test in run.row("HEALTH-1")["tests"]] == ["met", "not tested"]


def test_a_run_whose_only_worker_dies_still_has_a_page(tmp_path: Path) -> None:
    run = run_bare(tmp_path, killed=KILLED)
    assert run.code == 2
    assert {run.outcomes[f"WAL-{number}"] for number in (1, 2, 3)} == {"could not be tested"}
    assert "results are incomplete" in run.data["sentence"]
    assert any("no test has reported" in error for error in run.data["errors"])
    assert (run.results / "signoff.html").is_file()


def test_options_from_variables_do_not_soften_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBOT_OPTIONS", "--skiponfailure * --exclude robot:none")
    red = "*** Test Cases ***\nRed\n    [Metadata]    Requirement    DOC-1\n    Fail    Not met: lost\n"
    assert run_bare(tmp_path, red=red).code == 1


def test_an_old_result_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    green = "*** Test Cases ***\nGreen\n    [Metadata]    Requirement    WAL-1\n    Should Be Equal    a    a\n"
    assert run_bare(tmp_path, killed=green).outcomes["WAL-1"] == "met"
    assert run_bare(tmp_path, killed=KILLED).outcomes["WAL-1"] == "could not be tested"


def start_endless(folder: Path) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """Start a run that doesn't end by itself; return it, and all processes that it started."""
    mark = folder / "mark"
    source = write_suites(folder / "suites", endless=ENDLESS)
    process = subprocess.Popen(
        [sys.executable, str(BARE_RUN), str(source), str(folder / "results")],
        cwd=folder,
        env={**os.environ, "MARK": str(mark)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(mark.exists, "the endless test has started")
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    return process, children


def wait_for_the_end_of(processes: list[psutil.Process]) -> None:
    wait_until(
        lambda: not any(process.is_running() and process.status() != "zombie" for process in processes),
        "all processes have ended",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_has_a_page_and_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    process, children = start_endless(tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=40)
    run = Run(process.returncode, out, err, tmp_path / "results")
    assert run.code == 2
    assert err == ""
    assert run.outcomes["HEALTH-1"] == run.outcomes["HEALTH-2"] == "could not be tested"
    assert "The run was interrupted before all tests had reported." in run.data["errors"]
    assert (run.results / "stopped").exists()
    wait_for_the_end_of(children)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_killed_run_leaves_no_process_and_can_be_reported(tmp_path: Path) -> None:
    process, children = start_endless(tmp_path)
    process.kill()
    process.communicate(timeout=10)
    wait_for_the_end_of(children)
    ended = run_command("report", "--results", str(tmp_path / "results"))
    run = Run(ended.returncode, ended.stdout, ended.stderr, tmp_path / "results")
    assert (run.code, run.err) == (2, "")
    assert run.outcomes["HEALTH-2"] == "could not be tested"


def test_a_results_folder_in_use_is_refused(tmp_path: Path) -> None:
    process, children = start_endless(tmp_path)
    try:
        second = subprocess.run(
            [
                sys.executable,
                "-m",
                "keywords.signoff",
                str(tmp_path / "suites"),
                "--results",
                str(tmp_path / "results"),
            ],
            cwd=ROOT,
            env={**os.environ, "MARK": "unused"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=40)
        wait_for_the_end_of(children)
    assert second.returncode == 2
    assert second.stderr.startswith("Another run is writing to ")
    assert len(second.stderr.splitlines()) == 1


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["--no-such-option"], "Unrecognized arguments: --no-such-option"),
            (["--processes", "0"], "0 is not a number of processes from 1 to 64"),
            (["--wait", "soon"], "soon is not a positive number of seconds"),
            (["--include", "no-such-tag"], "--include no-such-tag matches no test; the tags are core, slow."),
            (["--exclude", "no-such-tag"], "--exclude no-such-tag matches no test"),
            (["--suite", "NoSuch"], "--suite NoSuch matches no suite; the suites are Suites.Some."),
            (["--test", "No Such"], "--test No Such matches no test; robot --dryrun"),
            (["--include", "core", "--exclude", "core"], "No test is left by --include core --exclude core."),
            (["--environment", "no-such-place"], "no-such-place"),
        ],
    )
    def test_one_sentence_and_exit_code_2(self, tmp_path: Path, arguments: list[str], complaint: str) -> None:
        suite = (
            "*** Test Cases ***\nOne\n    [Metadata]    Requirement    DOC-1\n    [Tags]    core    slow\n"
            "    Should Be Equal    a    a\n"
        )
        source = write_suites(tmp_path / "suites", some=suite)
        ended = run_command(str(source), "--results", str(tmp_path / "results"), *arguments)
        assert ended.returncode == 2
        assert complaint in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
        assert "Traceback" not in ended.stderr

    def test_no_suites(self, tmp_path: Path) -> None:
        ended = run_command(str(tmp_path / "none"), "--results", str(tmp_path / "results"))
        assert (ended.returncode, ended.stderr) == (2, f"There are no suites at {tmp_path / 'none'}.\n")

    def test_no_results_to_report(self, tmp_path: Path) -> None:
        ended = run_command("report", "--results", str(tmp_path / "none"))
        assert (ended.returncode, ended.stderr) == (2, f"There is no results folder {tmp_path / 'none'}.\n")


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"Waited {seconds} s in vain until {what}.")
        time.sleep(0.05)
