"""A tester that dies in the middle of an outage leaves nothing broken: the next run undoes it first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from signoff.faults.undo import unresolved
from signoff.local_stack import LocalStack

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    stack = LocalStack(logs=tmp_path / "logs")
    stack.start()
    yield stack
    stack.stop()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/v2/heartbeat", timeout=1).status_code == 200
    except (requests.ConnectionError, requests.Timeout):
        return False


def test_the_next_run_thaws_what_a_killed_tester_had_frozen(stack: LocalStack, tmp_path: Path) -> None:
    suite_name, role = "frozen_primary", "primary"
    url = stack.endpoints[f"{role.upper()}_URL"]
    endpoints = tmp_path / "stack.json"
    endpoints.write_text(json.dumps(stack.endpoints), encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    variables |= {"SIGNOFF_STACK": str(endpoints), "SIGNOFF_RESULTS": str(tmp_path)}
    suite = ROOT / "suites" / "failover" / f"{suite_name}.robot"
    command = [sys.executable, "-m", "robot", "--outputdir", str(tmp_path / "robot"), str(suite)]
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL) as tester:
        deadline = time.monotonic() + 60
        while not (unresolved(tmp_path / "undo") and not _answers(url)):
            assert time.monotonic() < deadline, f"the {role} was not broken within 60 s"
            time.sleep(0.02)
        tester.send_signal(signal.SIGKILL)
    assert not _answers(url)

    run = subprocess.run(
        [
            *(sys.executable, "-m", "keywords.signoff", str(ROOT / "suites" / "production" / "prerequisites.robot")),
            *("--results", str(tmp_path)),
        ],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert f"Mended what was left broken: {role}." in run.stdout, run.stdout + run.stderr
    assert _answers(url)
    assert not unresolved(tmp_path / "undo")
    data = json.loads((tmp_path / "signoff.json").read_text(encoding="utf-8"))
    assert {row["id"]: row["outcome"] for row in data["requirements"]}["PROD-7"] == "met"
