"""Each lie that a checker could tell is caught by the project's own tests: with the lie planted, they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from planted_lies import LIES

ROOT = Path(__file__).resolve().parents[2]
CHECKERS = "tests/checkers/test_checkers_examples.py"
LAWS = "tests/checkers/test_checkers_laws.py"
INSTANCES = "tests/domain/test_domain_instances.py"
PAGE = "tests/report/test_report_judgement.py"
# Where the test is that has to see it.
CAUGHT_BY = {
    "a_400_is_no_documents": INSTANCES,
    "a_404_is_no_documents": INSTANCES,
    "the_first_page_is_all": INSTANCES,
    "a_timeout_is_a_success": "tests/checkers/test_classification.py",
    "nothing_pending_is_in_sync": LAWS,
    "only_one_instance_is_asked": LAWS,
    "a_skip_is_a_pass": PAGE,
    "a_test_that_checked_nothing_is_a_pass": PAGE,
    "an_accepted_risk_hides_a_failure": f"{PAGE}::TestAcceptedRisks",
    "an_accepted_risk_never_ends": f"{PAGE}::TestAcceptedRisks",
    "an_accepted_risk_is_met": f"{PAGE}::TestAcceptedRisks",
    "a_pid_is_a_process": "tests/faults/test_faults_processes.py::test_a_process_that_has_the_pid_now_is_never_touched",
}


@pytest.mark.parametrize("lie", sorted(LIES))
def test_a_lie_is_caught(lie: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "planted_lies", "-p", "no:cacheprovider"]
    path = os.pathsep.join([str(Path(__file__).parent), str(ROOT / "keywords"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [*command, CAUGHT_BY.get(lie, CHECKERS)],
        cwd=ROOT,
        env={**os.environ, "LIE": lie, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # 1 says that tests were run and failed; anything else would be a lie that could not even be told.
    assert run.returncode == 1, run.stdout[-2000:] + run.stderr[-2000:]
    assert "1 failed" in run.stdout
