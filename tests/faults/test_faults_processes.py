"""Faults on a real local stack: proved, undone, undone by the next run if their own dies; never another's process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from signoff.environment import load_environment
from signoff.faults import control_plane, processes
from signoff.faults.guard import Guard, Use
from signoff.faults.local_processes import ProcessId, family, identity, is_alive, is_stopped, main_process, tell
from signoff.faults.locked_store import Refused, StoreLock
from signoff.faults.undo import Remedy, UndoJournal, replay, unresolved
from signoff.local_stack import LocalStack
from signoff.testbed import Testbed
from signoff.verdict import CouldNotObserve, NotTested

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    stack = LocalStack(logs=tmp_path_factory.mktemp("logs"))
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def bed(stack: LocalStack, tmp_path: Path) -> Iterator[Testbed]:
    bed = Testbed(load_environment("local", {**os.environ, **stack.endpoints}))
    bed.undo = UndoJournal(tmp_path / "undo")
    bed.guard = Guard(bed.environment.balancer_url, tmp_path / "locks")
    bed.guard.take(Use.ALONE, timedelta(0))
    yield bed
    processes.undo_everything(bed)
    bed.close()
    assert unresolved(tmp_path / "undo") == []


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


@pytest.mark.parametrize("role", ["primary", "postgres"])
def test_a_frozen_service_is_proved_and_goes_on_in_the_same_process(bed: Testbed, role: str) -> None:
    root = main_process(bed.environment, role)
    processes.freeze(bed, role)
    assert all(is_stopped(process) for process in family(root))
    processes.require_silent(bed, role)
    with pytest.raises(CouldNotObserve):
        bed.ask(role, SECOND)
    processes.thaw(bed, role)
    bed.ask(role, SECOND)
    assert main_process(bed.environment, role) == root
    with pytest.raises(CouldNotObserve, match=f"the frozen {role} answers"):
        processes.require_silent(bed, role)


def test_a_crashed_instance_stays_down_and_is_another_process_afterwards(bed: Testbed) -> None:
    root = main_process(bed.environment, "replica")
    processes.crash(bed, "replica")
    assert not is_alive(root)
    with pytest.raises(CouldNotObserve, match="the replica has a fault already"):
        processes.freeze(bed, "replica")
    control_plane.resume(bed, "replica")
    assert main_process(bed.environment, "replica") != root


def test_a_killed_balancer_is_started_again_by_the_stack(bed: Testbed) -> None:
    killed = processes.kill_balancer(bed)
    assert processes.balancer_back(bed, killed, timedelta(seconds=15)) > 0.5


@pytest.mark.parametrize("refused", list(Refused))
def test_a_locked_instance_answers_its_heartbeat_and_recovers_without_a_restart(bed: Testbed, refused: Refused) -> None:
    root = main_process(bed.environment, "primary")
    processes.lock_store(bed, "primary", refused)
    bed.ask("primary", SECOND)
    processes.require_unable_to_write(bed, "primary")
    processes.unlock_store(bed, "primary")
    assert main_process(bed.environment, "primary") == root


def test_postgresql_can_be_suspended(bed: Testbed) -> None:
    control_plane.suspend(bed, "postgres")
    with pytest.raises(CouldNotObserve):
        bed.ask("postgres", timedelta(seconds=2))
    control_plane.resume(bed, "postgres")


def test_the_next_run_thaws_what_a_dead_one_had_frozen(bed: Testbed, tmp_path: Path) -> None:
    processes.freeze(bed, "replica")
    bed.frozen.clear()  # as if this process had died
    assert replay(replace(bed.environment, local=None), tmp_path / "undo") == []
    assert replay(bed.environment, tmp_path / "undo") == ["replica"]
    bed.ask("replica", SECOND)
    assert replay(bed.environment, tmp_path / "undo") == []


def test_a_lock_ends_with_its_owner(tmp_path: Path, stack: LocalStack) -> None:
    store = tmp_path / "store.sqlite3"
    store.touch()
    lock = (
        "import sys; sys.path.insert(0, 'keywords')\n"
        "from pathlib import Path; from signoff.faults.locked_store import *\n"
        f"lock = StoreLock(Path({str(store)!r}), Refused.WRITES); lock.take()\n"
        "print(lock.process.pid, lock.process.started, flush=True); import time; time.sleep(60)"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", lock], cwd=root, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        holder = ProcessId(*map(int, owner.stdout.readline().split()))
        assert is_alive(holder)
        owner.kill()
    deadline = time.monotonic() + 5
    while is_alive(holder):
        assert time.monotonic() < deadline, "the lock outlives its owner"
        time.sleep(0.02)


def test_a_lock_that_outlives_a_run_is_ended_by_the_next(bed: Testbed, tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite3"
    store.touch()
    assert bed.environment.local is not None
    lock = StoreLock(store, Refused.READS_AND_WRITES)
    bed.undo.register_processes(bed.environment.local.state, "primary", Remedy.END, [lock.process])
    lock.take()
    assert replay(bed.environment, tmp_path / "undo") == ["primary"]
    assert not is_alive(lock.process)
    lock.release()


def test_a_process_that_has_the_pid_now_is_never_touched() -> None:
    process = sleeper()
    try:
        mine = identity(process.pid)
        assert mine is not None
        tell([ProcessId(mine.pid, mine.started - 1)], signal.SIGKILL)
        tell([ProcessId(mine.pid, mine.started - 1)], signal.SIGSTOP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)  # a signal takes a moment to do its work
        assert is_alive(mine)
        assert not is_stopped(mine)
        tell([mine], signal.SIGKILL)
        assert process.wait(5) == -signal.SIGKILL
        assert identity(mine.pid) is None or identity(mine.pid) != mine
    finally:
        process.kill()
        process.wait()


def test_a_deployment_elsewhere_offers_no_such_fault(bed: Testbed) -> None:
    bed.environment = replace(bed.environment, local=None)
    for fault in (processes.crash, processes.freeze):
        with pytest.raises(NotTested, match="only the local stack offers that fault"):
            fault(bed, "primary")


def test_faults_need_the_deployment_alone(bed: Testbed) -> None:
    bed.guard.take(Use.SHARED, timedelta(0))
    with pytest.raises(CouldNotObserve, match="Use The Deployment Alone"):
        processes.freeze(bed, "primary")
    assert not is_stopped(main_process(bed.environment, "primary"))


def test_a_state_file_that_says_nothing_is_an_error(bed: Testbed, tmp_path: Path) -> None:
    assert bed.environment.local is not None
    file = tmp_path / "state.json"
    file.write_text(json.dumps({"pid": 1, "services": []}), encoding="utf-8")
    environment = replace(bed.environment, local=replace(bed.environment.local, state=file))
    with pytest.raises(CouldNotObserve, match="does not tell the process of chroma-primary"):
        main_process(environment, "primary")
