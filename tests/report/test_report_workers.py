"""pabot's command, environment and progress."""

from __future__ import annotations

from pathlib import Path

import pytest

from signoff.report.data import Selection
from signoff.report.folder import ResultsFolder
from signoff.runner.workers import Progress, abnormal_end, command, environment_for_workers


def test_the_command_selects_what_was_asked_for() -> None:
    selection = Selection(include=("core", "sync"), exclude=("slow",), suites=("Failover",))
    arguments = command(Path("/project/suites"), ResultsFolder(Path("/results")), 3, selection, [])
    chosen = ["--include", "core", "--include", "sync", "--exclude", "slow", "--suite", "Failover"]
    assert arguments[-len(chosen) - 1 :] == [*chosen, "/project/suites"]
    assert arguments[arguments.index("--processes") + 1] == "3"
    assert "--exitonerror" in arguments


def test_all_suites_together_are_run_by_robot_alone() -> None:
    def of(*, together: bool) -> list[str]:
        folder, selection = ResultsFolder(Path("/results")), Selection(suites=("Failover",))
        return command(Path("/project/suites"), folder, 1, selection, [], together=together)

    alone, by_pabot = of(together=True), of(together=False)
    assert "robot" in alone
    assert "pabot.pabot" not in alone
    shared = by_pabot[by_pabot.index("--exitonerror") :]
    assert alone[-len(shared) :] == shared


def test_options_in_variables_are_dropped_and_additions_win() -> None:
    own = {"ROBOT_OPTIONS": "--skiponfailure *", "REBOT_OPTIONS": "x", "PATH": "/bin", "HOME": "/root", "A": "1"}
    variables = environment_for_workers(own, {"A": "2"})
    assert "ROBOT_OPTIONS" not in variables
    assert "REBOT_OPTIONS" not in variables
    assert (variables["HOME"], variables["A"]) == ("/root", "2")
    assert variables["PATH"].endswith(":/bin")


@pytest.mark.parametrize("code", [0, 1, 250])
def test_a_number_of_failed_tests_is_a_normal_end(code: int) -> None:
    assert abnormal_end(code) is None


@pytest.mark.parametrize(
    ("code", "words"), [(252, "results are incomplete"), (254, "exit code 254"), (255, "unexpected"), (-9, "signal 9")]
)
def test_any_other_code_is_said(code: int, words: str) -> None:
    sentence = abnormal_end(code)
    assert sentence is not None
    assert words in sentence


def test_progress_in_plain_words() -> None:
    said: list[str] = []
    seconds = iter([0.0, 1.0, 8.4, 61.0, 62.0, 63.0])
    progress = Progress(3, said.append, clock=lambda: next(seconds))
    for line in (
        "2026-01-01 10:00:00.1 [PID:7] [0] [ID:0] EXECUTING Suites.Core",
        "Storing .pabotsuitenames file",
        "2026-01-01 10:00:00.1 [PID:7] [0] [ID:0] PASSED Suites.Core in 7.4 seconds",
        "2026-01-01 10:00:00.1 [PID:7] [0] [ID:1] Execution failed in Suites.Sync with 1 failing test(s)",
        "2026-01-01 10:00:00.1 [PID:7] [0] [ID:2] Execution failed in Suites.Lost with -9 failing test(s)",
        "2026-01-01 10:00:00.1 [PID:7] [0] [ID:2] Execution failed in Suites.Bad with 252 failing test(s)",
    ):
        progress.line(line + "\n")
    assert said == [
        "  0:01  started   Suites.Core",
        "  0:08  done 1/3  Suites.Core  (7.4 s)",
        "  1:01  done 2/3  Suites.Sync  1 test did not pass",
        "  1:02  done 3/3  Suites.Lost  its process was ended early",
        "  1:03  done 4/3  Suites.Bad  its process stopped abnormally (exit code 252)",
    ]
