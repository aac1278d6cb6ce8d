"""What a deployment lacks, or nobody knows, is said on the page: "Not tested" or "Could not be tested", and why."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BARE_RUN = Path(__file__).with_name("bare_run.py")
LIBRARY = """
import sys
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

sys.path[:0] = [{keywords!r}, {domain!r}]
from robot.api.deco import keyword, library
from signoff.checks.cost import bill, load_prices
from signoff.checks.real_channel import post
from signoff.checks.sync_tasks import require_distributed
from signoff.clients.render import Service
from signoff.environment import load_environment
from signoff.testbed import Testbed
from test_domain_environment import VARIABLES

WHEN = date(2026, 11, 24)
ENVIRONMENT = load_environment("local", VARIABLES)


@library(scope="GLOBAL", auto_keywords=False)
class AbsentLibrary:
    @keyword(tags=["Check"])
    def old_prices_should_do(self):
        load_prices(date(2028, 1, 1))

    @keyword(tags=["Check"])
    def unknown_plan_should_be_paid(self):
        bill({{"primary": Service("srv-1", "chroma-primary", "services", False, "pro max", 1)}}, load_prices(WHEN))

    @keyword(tags=["Check"])
    def control_plane_should_suspend(self):
        Testbed(replace(ENVIRONMENT, render=None)).render.suspend("primary")

    @keyword(tags=["Check"])
    def alerts_should_be_read(self):
        Testbed(replace(ENVIRONMENT, alerts=None)).alerts.messages()

    @keyword(tags=["Check"])
    def real_channel_should_take_it(self):
        post("")

    @keyword(tags=["Check"])
    def workers_should_work(self):
        status = SimpleNamespace(mode="distributed")
        require_distributed(SimpleNamespace(
            balancer=SimpleNamespace(status=lambda: status), database=SimpleNamespace(sync_workers=lambda: [])
        ))

    @keyword(tags=["Check"])
    def coordinator_should_work(self):
        require_distributed(SimpleNamespace(
            balancer=SimpleNamespace(status=lambda: SimpleNamespace(mode="traditional"))
        ))
"""
CASES = [
    ("MON-6", "Old Prices Should Do", "could not be tested", "more than a year ago; look them up again at https:"),
    ("MON-4", "Unknown Plan Should Be Paid", "could not be tested", "prices.yaml has no price of the plan pro max"),
    ("FAIL-6", "Control Plane Should Suspend", "not tested", "the environment local has no control plane; add render"),
    ("MON-3", "Alerts Should Be Read", "not tested", "alerts of the environment local can't be read back"),
    ("MON-1", "Real Channel Should Take It", "not tested", "set SIGNOFF_SLACK_WEBHOOK_URL to its incoming webhook"),
    ("SYNC-1", "Workers Should Work", "not tested", "says mode distributed, and no worker is active"),
    ("SYNC-2", "Coordinator Should Work", "not tested", "so it has no coordinator and no workers"),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("absent")
    suites = folder / "suites"
    suites.mkdir()
    library = LIBRARY.format(keywords=str(ROOT / "keywords"), domain=str(ROOT / "tests" / "domain"))
    (suites / "AbsentLibrary.py").write_text(library, encoding="utf-8")
    tests = "\n".join(f"{name}\n    [Metadata]    Requirement    {id}\n    {name}\n" for id, name, _, _ in CASES)
    (suites / "absent.robot").write_text(
        f"*** Settings ***\nLibrary    AbsentLibrary.py\n\n*** Test Cases ***\n{tests}", encoding="utf-8"
    )
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    command = [sys.executable, str(BARE_RUN), str(suites), str(folder / "results")]
    ended = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    return folder / "results"


@pytest.mark.parametrize(("requirement", "name", "outcome", "why"), CASES, ids=[name for _, name, _, _ in CASES])
def test_it_is_said_what_is_missing(results: Path, requirement: str, name: str, outcome: str, why: str) -> None:
    data: dict[str, Any] = json.loads((results / "signoff.json").read_text(encoding="utf-8"))
    row = next(row for row in data["requirements"] if row["id"] == requirement)
    assert row["outcome"] == outcome
    assert why in row["reason"]
    page = " ".join(html.unescape((results / "signoff.html").read_text(encoding="utf-8")).split())
    untested = page.partition("What was not tested")[2].replace("\N{NO-BREAK SPACE}", " ")
    assert why.casefold() in untested.casefold()  # a reason begins a heading there
    assert requirement in untested
