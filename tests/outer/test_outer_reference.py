"""The reference deployment is met: suites of every group, one after another, against the real local stack.

All suites at once, with the goals of a machine that has nothing else to do, are ``tox run -e signoff``. How fast this
machine is has no place in a test, so the times that the local environment allows are longer here, and what is measured
in requests per second is left out. Everything else is what a release manager runs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("keywords", "resources", "stack", "suites")
LONGER = 3
WATCHES = ("RESURRECTION_WATCH", "HEARTBEAT_MAX")
"""How long something is looked at: more of it asks more of the deployment, and allows it nothing."""
SUITES = (
    "Suites.Core",
    "Suites.Failover.Both Down",
    "Suites.Failover.Primary Outage",
    "Suites.Operations.Cost",
    "Suites.Operations.Monitoring",
    "Suites.Operations.Schema",
    "Suites.Production.Belongings Of Others",
    "Suites.Production.Cleanup",
    "Suites.Production.Prerequisites",
    "Suites.Sync.Tasks",
    "Suites.Transactions.Receipts",
    "Suites.Transactions.Refusals",
    "Suites.Transactions.Transaction Log",
)


@pytest.fixture
def patient_project(tmp_path: Path) -> Path:
    """A copy of the project whose local environment allows every duration to be longer."""
    project = tmp_path / "project"
    for part in PARTS:
        shutil.copytree(ROOT / part, project / part, ignore=shutil.ignore_patterns("__pycache__"))
    environment = project / "resources" / "environments" / "local.yaml"
    text = environment.read_text(encoding="utf-8")
    before, limits, after = re.split(r"^(limits:\n(?:  .*\n)+)", text, maxsplit=1, flags=re.MULTILINE)
    longer = re.sub(
        r"^  (\w+): (\d+) (ms|s)$",
        lambda found: found[0] if found[1] in WATCHES else f"  {found[1]}: {LONGER * int(found[2])} {found[3]}",
        limits,
        flags=re.MULTILINE,
    )
    assert longer != limits
    environment.write_text(before + longer + after, encoding="utf-8")
    return project


def test_the_reference_deployment_passes_suites_of_every_group(patient_project: Path, tmp_path: Path) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    variables["SIGNOFF_RESULTS"] = str(tmp_path)
    command = [sys.executable, "-m", "keywords.signoff", "--results", str(tmp_path), "--processes", "1"]
    for suite in SUITES:
        command += ["--suite", suite]
    run = subprocess.run(
        command, cwd=patient_project, env=variables, capture_output=True, text=True, timeout=1200, check=False
    )
    assert (tmp_path / "signoff.json").exists(), run.stdout + run.stderr
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))["tests"]
    selected = {(test["suite"], test["name"]) for test in plan if not test["left_out"]}
    rows = json.loads((tmp_path / "signoff.json").read_text(encoding="utf-8"))["requirements"]
    ended = [(row["id"], test) for row in rows for test in row["tests"] if (test["suite"], test["name"]) in selected]
    assert len(ended) == len(selected) > len(SUITES)
    wrong = [
        f"{id} {test['outcome']}: {test['name']}: {test['message']}" for id, test in ended if test["outcome"] != "met"
    ]
    assert not wrong, "\n".join(wrong)
