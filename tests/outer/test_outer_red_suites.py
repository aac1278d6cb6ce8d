"""Every suite has been seen to fail: each is run against a balancer, or a monitor, with a planted fault.

The page must say it. The faults are real: a balancer that does one thing wrong stands between real Chroma servers and a
real PostgreSQL.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Red:
    """A planted fault, the suite that has to see it, and what the page has to say.

    Attributes:
        fault: a name of ``python -m planted``; "monitor/NAME" is one of ``python -m planted.monitor``, and
            "sync/NAME" one of ``python -m planted.sync``.
        suite: the suite's path under suites/.
        requirement: what must be not met.
        words: a part of the reason.
    """

    fault: str
    suite: str
    requirement: str
    words: str


REDS = [
    Red("says_healthy", "core/health.robot", "HEALTH-1", "last seen"),
    Red("half_mapping", "core/mapping.robot", "MAP-1", "mapping"),
    Red("keeps_deleted_collections", "core/mapping.robot", "MAP-4", "it is there on the replica"),
    Red("counts_probes", "core/health.robot", "HEALTH-4", "moved the request counters"),
    Red("deletes_by_id", "core/honest_reading.robot", "MAP-3", ""),
    Red("drops_metadata", "core/documents.robot", "DOC-1", "metadata"),
    Red("cuts_batches", "core/high_load.robot", "DOC-4", "is missing"),
    Red("blind_gauge", "core/write_ahead_log.robot", "WAL-2", "/status"),
    Red("ignores_ratio", "core/load_balancing.robot", "LB-1", "0 of 200 reads"),
    Red("early_receipts", "failover/both_down.robot", "FAIL-9", "is logged as COMPLETED"),
    Red("unlogged_outage", "failover/both_down.robot", "FAIL-9", "0 transactions"),
    Red("never_catches_up", "failover/hosting_control.robot", "FAIL-6", "on the primary"),
    Red("primary_writes_only", "failover/primary_outage.robot", "FAIL-1", "not acknowledged"),
    Red("connects_only", "failover/frozen_primary.robot", "FAIL-7", "not acknowledged"),
    Red("heartbeat_only", "failover/gray_failure.robot", "FAIL-8", "not acknowledged"),
    Red("flips_at_once", "failover/detection.robot", "HEALTH-5", "interval and threshold promise"),
    Red("reads_from_anyone", "failover/flapping.robot", "FAIL-10", "were stale"),
    Red("forgets_after_restart", "failover/killed_balancer.robot", "WAL-5", "in the log"),
    Red("stutters", "failover/primary_outage.robot", "FAIL-3", "last failing request began"),
    Red("forgets_deletes", "failover/recovery.robot", "FAIL-4", "is present on the replica"),
    Red("stale_health_cache", "failover/replica_outage.robot", "FAIL-2", "503"),
    Red("slow_requests", "production/throughput.robot", "PROD-3", "writes/s"),
    Red("unlogged_overload", "transactions/refusals.robot", "TXN-2", "0 transactions"),
    Red("unlogged_overload", "core/concurrency.robot", "LB-2", "0 transactions"),
    Red("claims_the_share", "core/load_balancing.robot", "LB-1", "the documents themselves tell"),
    Red("late_upserts", "failover/replica_outage.robot", "FAIL-2", "DIVERGED"),
    Red("replays_again", "failover/recovery.robot", "FAIL-4", "DIVERGED"),
    Red("replays_again", "core/write_ahead_log.robot", "WAL-4", "DIVERGED"),
    Red("unlogged_outage", "transactions/receipts.robot", "TXN-5", "UNLOGGED"),
    Red("replays_refused_late", "transactions/receipts.robot", "TXN-5", "FALSE-DENIAL"),
    Red("accepts_bad_requests", "production/error_handling.robot", "PROD-2", "malformed JSON was answered with 201"),
    Red("deletes_by_prefix", "production/belongings_of_others.robot", "PROD-6", "was changed on"),
    Red("loses_every_tenth", "transactions/stress.robot", "TXN-4", "is missing"),
    Red("takes_any_setting", "production/configuration.robot", "PROD-1", "was named in 0 lines"),
    Red("patient_timeout", "production/configuration.robot", "PROD-1", "was given up after"),
    Red("monitor/writes_zeros", "operations/monitoring.robot", "MON-1", "can't be true"),
    Red("monitor/always_advises", "operations/recommendations.robot", "MON-2", "on a calm deployment"),
    Red("monitor/never_urgent", "operations/recommendations.robot", "MON-2", "of high urgency"),
    Red("monitor/repeats_alerts", "operations/alerts.robot", "MON-3", "2 alerts about the"),
    Red("monitor/mistakes_the_instance", "operations/alerts.robot", "MON-3", "arrives"),
    Red("monitor/tells_the_dsn", "operations/alerts.robot", "MON-3", "held a credential"),
    Red("monitor/gives_up_on_slack", "operations/alerts.robot", "MON-3", "the alert about the primary"),
    Red("monitor/waits_for_slack", "operations/alerts.robot", "MON-3", "A new measurement is written"),
    Red("monitor/forgets_what_it_told", "operations/alerts.robot", "MON-3", "2 alerts about the replica, and 1 due"),
    Red("monitor/forgets_its_cooldown", "operations/alerts.robot", "MON-3", "cooldown"),
    Red("never_shrinks", "operations/batching.robot", "MON-4", "the batch size is at most 25"),
    Red("narrow_schema", "operations/schema.robot", "MON-5", "timestamp without time zone"),
    Red("sync/overlapping_chunks", "sync/tasks.robot", "SYNC-1", "are in two tasks"),
    Red("sync/marks_before_applying", "sync/tasks.robot", "SYNC-1", "is missing"),
    Red("sync/zeroes_embeddings", "sync/tasks.robot", "SYNC-1", "embedding"),
    Red("sync/leaves_tasks_open", "sync/tasks.robot", "SYNC-2", "has ended"),
    Red("sync/keeps_dead_workers", "sync/workers.robot", "SYNC-3", "is not called active"),
    Red("sync/beats_once", "sync/workers.robot", "SYNC-3", "heartbeat"),
    Red("drops_metadata", "sync/traditional_mode.robot", "SYNC-4", "with traditional sync: DOC-1"),
    Red("wrong_receipt", "transactions/transaction_log.robot", "TXN-1", "is logged with 500"),
]


SAMPLE = {
    "says_healthy",
    "drops_metadata",
    "blind_gauge",
    "early_receipts",
    "primary_writes_only",
    "forgets_deletes",
    "accepts_bad_requests",
    "wrong_receipt",
    "never_shrinks",
    "monitor/writes_zeros",
    "sync/zeroes_embeddings",
    "sync/keeps_dead_workers",
}
"""The faults that every run of the tests plants, a suite of each kind; ``tox run -e proof`` plants all others."""


def of_the_proof(red: Red) -> bool:
    """Whether a planted fault is left to the proof."""
    return red.fault not in SAMPLE or red.requirement == "SYNC-4"


def sign_off(suite: str, results: Path, fault: str = "", requirement: str = "") -> subprocess.CompletedProcess[str]:
    """Sign off one suite, or its tests of one requirement, on a local stack of its own, with or without a fault."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    variables["SIGNOFF_RESULTS"] = str(results)
    if fault:
        part, _, name = fault.rpartition("/")
        part = part or "balancer"
        module = {"balancer": "planted", "monitor": "planted.monitor", "sync": "planted.sync"}[part]
        variables[f"SIGNOFF_{part.upper()}_COMMAND"] = f"{sys.executable} -m {module} {name}"
    command = [sys.executable, "-m", "keywords.signoff", str(ROOT / "suites" / suite), "--results", str(results)]
    command += ["--requirement", requirement] if requirement else []
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=900, check=False)


def requirements(results: Path) -> dict[str, Any]:
    """Return the page's rows by requirement id."""
    data = json.loads((results / "signoff.json").read_text(encoding="utf-8"))
    return {row["id"]: row for row in data["requirements"]}


def test_every_suite_is_in_the_list() -> None:
    suites = {str(path.relative_to(ROOT / "suites")) for path in (ROOT / "suites").rglob("*.robot")}
    # What the prerequisites refuse ends a run before its first test; that has a test of its own below.
    # What interrupts a run and what a test leaves behind are no faults of the deployment, and its plans are none of the
    # balancer: they have tests of their own, too.
    # What a real channel takes can't be seen from here, unless somebody asks for it.
    others = {
        "production/prerequisites.robot",
        "production/interrupted_runs.robot",
        "production/cleanup.robot",
        "operations/cost.robot",
        "operations/real_slack.robot",
    }
    assert suites == {red.suite for red in REDS} | others


def _id(red: Red) -> str:
    return f"{red.fault}-{red.requirement}"


@pytest.fixture(scope="module")
def red_runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[Red, Future[tuple[Path, subprocess.CompletedProcess[str]]]]]:
    """The runs of all planted faults that were selected, two at a time: most of their time they wait for limits."""

    def run(red: Red) -> tuple[Path, subprocess.CompletedProcess[str]]:
        folder = tmp_path_factory.mktemp(red.fault.replace("/", "-"))
        return folder, sign_off(red.suite, folder, red.fault, red.requirement)

    selected = [item.callspec.params.get("red") for item in request.session.items if hasattr(item, "callspec")]
    with ThreadPoolExecutor(2) as pool:
        yield {red: pool.submit(run, red) for red in selected if isinstance(red, Red)}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize(
    "red",
    [pytest.param(red, marks=[pytest.mark.proof] if of_the_proof(red) else [], id=_id(red)) for red in REDS],
)
def test_a_planted_fault_turns_its_suite_red(
    red: Red, red_runs: Mapping[Red, Future[tuple[Path, subprocess.CompletedProcess[str]]]]
) -> None:
    folder, run = red_runs[red].result()
    assert run.returncode == 1, run.stdout + run.stderr
    assert "NO-GO." in run.stdout
    row = requirements(folder)[red.requirement]
    assert row["outcome"] == "not met", row
    assert red.words in row["reason"], row["reason"]


def test_a_deployment_that_is_not_what_it_should_be_is_refused_before_the_first_test(tmp_path: Path) -> None:
    run = sign_off("production/prerequisites.robot", tmp_path, "nameless_status")
    assert run.returncode == 2
    assert "The balancer at http://" in run.stderr
    assert "/status has no load_balancer.version" in run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1


def test_the_reference_balancer_passes_every_suite(tmp_path: Path) -> None:
    run = sign_off("", tmp_path)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    rows = requirements(tmp_path).values()
    # How fast this machine is has no place in a test.
    timed = ("PROD-3", "PROD-4")
    wrong = [row for row in rows if row["outcome"] != "met" and row["id"] not in timed]
    assert not wrong, "\n".join(f"{row['id']} {row['outcome']}: {row['reason']}" for row in wrong)
    assert len(rows) == 56


def test_an_undo_journal_that_is_not_replayed_is_seen(tmp_path: Path) -> None:
    """The fault is planted in the tool itself: the run after a lost machine forgets to mend what was broken."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'keywords.signoff' in sys.orig_argv:\n"
        "    import keywords.signoff.runner.run as run\n"
        "    run.replay = lambda environment: []\n"
    )
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    variables |= {
        "SIGNOFF_RESULTS": str(tmp_path / "results"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
    }
    suite = ROOT / "suites" / "production" / "interrupted_runs.robot"
    command = [
        sys.executable,
        "-m",
        "robot",
        "--exitonerror",
        "--test",
        "*Lost Machine*",
        "-d",
        str(tmp_path),
        str(suite),
    ]
    run = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "Not met: The replica answers after the run was interrupted" in run.stdout


def _sign_off_with_planted_tool(suite: str, folder: Path, plant: str) -> subprocess.CompletedProcess[str]:
    """Sign off one suite while every Python process begins with some lines of its own.

    Args:
        folder: takes the lines and the results.
        plant: the lines.
    """
    (folder / "sitecustomize.py").write_text(plant)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")}
    results = folder / "results"
    variables |= {"SIGNOFF_RESULTS": str(results), "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    command = [sys.executable, "-m", "keywords.signoff", str(ROOT / "suites" / suite), "--results", str(results)]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=300, check=False)


def test_plans_beyond_the_budget_are_seen(tmp_path: Path) -> None:
    """The fault is planted in the control plane's imitation: both instances have a plan that costs more."""
    run = _sign_off_with_planted_tool(
        "operations/cost.robot",
        tmp_path,
        "import sys\n"
        "from dataclasses import replace\n"
        "if 'stack' in sys.orig_argv and 'up' in sys.orig_argv:\n"
        "    import stack.services as services\n"
        "    modest = services._chroma\n"
        "    services._chroma = lambda *values: replace(modest(*values), plan='standard')\n",
    )
    assert run.returncode == 1, run.stdout + run.stderr
    row = requirements(tmp_path / "results")["MON-6"]
    assert row["outcome"] == "not met", row
    assert "the plans cost 57 USD a month and the budget is 30" in row["reason"], row["reason"]


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        ("contents.delete_all = lambda bed, names: None", "Nothing is left behind by a passed test"),
        (
            "manifest.Manifest.keep = lambda self: contents.delete_all(testbed.current(), self.present())",
            "kept nothing",
        ),
    ],
    ids=["a passed test leaves everything", "a failed test keeps nothing"],
)
def test_a_teardown_that_does_the_wrong_thing_is_seen(tmp_path: Path, plant: str, words: str) -> None:
    """The fault is planted in the tool itself, in the small runs whose remains are looked at."""
    run = _sign_off_with_planted_tool(
        "production/cleanup.robot",
        tmp_path,
        "import sys\n"
        "if any('/lifecycle/' in word and word.endswith('.robot') for word in sys.orig_argv):\n"
        f"    sys.path.insert(0, {str(ROOT / 'keywords')!r})\n"
        "    from signoff import manifest, testbed\n"
        "    from signoff.checks import contents\n"
        f"    {plant}\n",
    )
    assert run.returncode == 1, run.stdout + run.stderr
    row = requirements(tmp_path / "results")["PROD-5"]
    assert row["outcome"] == "not met", row
    assert words in row["reason"], row["reason"]
