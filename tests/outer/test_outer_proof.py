"""The proof by example: some faults of every part are planted, and each is caught; a correct deployment is met.

The faults are real: a balancer that does one thing wrong stands between real Chroma servers and a real PostgreSQL.
``tox run -e proof`` plants all of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from planted.catalogue import PARTS

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = (
    "balancer/nameless_status",
    "balancer/drops_metadata",
    "balancer/blind_gauge",
    "balancer/early_receipts",
    "monitor/writes_zeros",
    "sync/zeroes_embeddings",
    "sync/keeps_dead_workers",
    "wire/fails_reads",
    "tool/leaves_everything",
)
"""The faults that every run of the tests plants."""
VARIANT = "another_build"


def run_proof(results: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the proof, with its results in a folder of its own."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    variables["SIGNOFF_RESULTS"] = str(results)
    command = [sys.executable, "-m", "planted.proof", *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=1200, check=False)


def content(results: Path) -> dict[str, Any]:
    """Return what a proof has written."""
    data: dict[str, Any] = json.loads((results / "proof.json").read_text(encoding="utf-8"))
    return data


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of the sample, by the faults' names."""
    results = tmp_path_factory.mktemp("proof")
    run = run_proof(results, "--processes", "2", *(word for name in SAMPLE for word in ("--fault", name)))
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return {fault["name"]: fault for fault in content(results)["faults"]}


def test_the_sample_has_faults_of_every_part() -> None:
    assert {name.partition("/")[0] for name in SAMPLE} == set(PARTS)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_planted_fault_is_caught_for_the_right_reason(name: str, sample: dict[str, Any]) -> None:
    fault = sample[name]
    assert fault["outcome"] == "caught", fault["why"]
    assert fault["unrelated"] == []


def test_a_fault_that_does_nothing_is_missed_and_the_proof_says_so(tmp_path: Path) -> None:
    """The proof itself can fail: a fault is planted that changes nothing."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'planted' in sys.orig_argv:\n"
        "    import planted.balancer.blind_gauge as fault\n"
        "    fault.plant = lambda: None\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        run = run_proof(tmp_path / "results", "--fault", "balancer/blind_gauge")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "0 of 1 planted faults were caught" in run.stdout
    (fault,) = content(tmp_path / "results")["faults"]
    assert (fault["outcome"], fault["why"]) == ("missed", "WAL-2 was met")


def test_a_correct_variant_raises_no_alarm(tmp_path: Path) -> None:
    run = run_proof(tmp_path, "--variant", VARIANT)
    (variant,) = content(tmp_path)["variants"]
    assert (variant["outcome"], variant["alarms"]) == ("green", [])
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--fault", "balancer/nope"), "There is no planted fault balancer/nope"),
        (("--variant", "nope"), "There is no variant nope; those that there are: primary_only"),
        (("--processes", "0"), "0 is not a number of deployments from 1 to 16"),
    ],
)
def test_what_is_not_there_is_one_sentence(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    run = run_proof(tmp_path, *arguments)
    assert run.returncode == 2
    assert words in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
