"""The supervisor with real processes: nothing outlives it, what dies comes back, stacks don't meet."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest
import requests

from stack import state
from stack.processes import belonging_to, is_same_process, start_time
from tests.stack.running_stack import (
    ROOT,
    TINY_BALANCER,
    RunningStack,
    refused_up,
    signal_all,
    stack_command,
    stack_environment,
    until,
)

StartStack = Callable[..., RunningStack]


def test_it_hands_out_every_value_that_the_environment_file_names(stack: RunningStack) -> None:
    names = [
        "BALANCER_URL",
        "PRIMARY_URL",
        "REPLICA_URL",
        "DATABASE_URL",
        "RENDER_API_URL",
        "RENDER_API_KEY",
        "SLACK_WEBHOOK_URL",
        "SLACK_SINK_URL",
        "BALANCER_SERVICE_ID",
        "PRIMARY_SERVICE_ID",
        "REPLICA_SERVICE_ID",
        "POSTGRES_ID",
        "SLACK_SINK_SERVICE_ID",
        "MONITOR_SERVICE_ID",
        "RESOURCE_CHECK_INTERVAL",
        "ALERT_COOLDOWN",
        "STACK_LOGS",
        "STACK_PID",
        "READ_REPLICA_RATIO",
        "LOAD_BALANCE_STRATEGY",
        "CHECK_INTERVAL",
        "FAILURE_THRESHOLD",
        "REQUEST_TIMEOUT",
    ]
    assert [name for name in names if not stack.values.get(name)] == []
    assert all(isinstance(value, str) for value in stack.values.values())
    assert stack.values["STACK_PID"] == str(stack.process.pid)
    logs = Path(stack.values["STACK_LOGS"])
    written = {file.name for file in logs.iterdir()}
    assert {"supervisor.log", "chroma-primary.log", "chroma-postgres.log", "chroma-balancer.log"} <= written


def test_a_killed_supervisor_leaves_nothing_not_even_a_frozen_process(start_stack: StartStack) -> None:
    stack = start_stack()
    postmaster = psutil.Process(stack.pid("chroma-postgres"))
    frozen = [postmaster.pid, *(child.pid for child in postmaster.children(recursive=True))]
    assert len(frozen) > 1
    segment = _shared_memory(stack.folder)
    assert segment in _segments()
    assert "/dev/shm" not in Path(f"/proc/{postmaster.pid}/maps").read_text(encoding="utf-8")
    signal_all([*frozen, stack.pid("chroma-replica")], signal.SIGSTOP)
    assert len(belonging_to(stack.folder)) >= 5 + len(frozen) - 1
    stack.process.kill()
    until("nothing is left", stack.is_gone, seconds=5)
    assert segment not in _segments()


def _shared_memory(folder: Path) -> str:
    """Return the number of the shared memory by which PostgreSQL guards its data."""
    lock_file = folder / "chroma-postgres" / "data" / "postmaster.pid"
    return lock_file.read_text(encoding="ascii").splitlines()[6].split()[1]


def _segments() -> set[str]:
    """Return the numbers of all shared memory of this machine."""
    lines = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()
    return {line.split()[1] for line in lines[1:]}


def _has_ended(pid: int, started: float) -> bool:
    return not is_same_process(pid, started)


def test_the_kernel_alone_ends_the_services_when_the_guard_died_too(start_stack: StartStack) -> None:
    stack = start_stack()
    services = [(pid, start_time(pid)) for name in ("chroma-primary", "chroma-replica") for pid in [stack.pid(name)]]
    guards = [p for p in psutil.Process(stack.process.pid).children() if "stack.guard" in p.cmdline()]
    assert len(guards) == 1
    segment = _shared_memory(stack.folder)
    guards[0].kill()
    stack.process.kill()
    for pid, started in services:
        assert started is not None
        until("the service is dead", partial(_has_ended, pid, started), seconds=3)
    until("PostgreSQL is dead", lambda: not belonging_to(stack.folder), seconds=5)
    state.sweep()  # as the next start does; a neighbour's start may have done it already
    assert not stack.folder.exists()
    assert segment not in _segments()


def test_the_end_of_standard_input_ends_it(start_stack: StartStack) -> None:
    stack = start_stack("--set", "READ_REPLICA_RATIO=0.25")
    assert stack.values["READ_REPLICA_RATIO"] == "0.25"
    assert requests.get(stack.values["BALANCER_URL"] + "/health", timeout=5).text == "0.25"
    stack.end()
    assert stack.process.returncode == 0
    assert stack.is_gone()


def test_its_owner_may_die_while_it_starts(tmp_path: Path) -> None:
    process = subprocess.Popen(
        stack_command("up", "--json", "--logs", str(tmp_path)),
        cwd=ROOT,
        env=stack_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    created = f"signoff-stack-{process.pid}-*"
    folder = until("its folder is there", lambda: next(Path(tempfile.gettempdir()).glob(created), None))
    assert folder is not None
    until("a service is there", lambda: len(belonging_to(folder)) >= 2)
    output, _ = process.communicate(timeout=15)  # closes its standard input
    assert (process.returncode, output) == (0, b"")
    assert belonging_to(folder) == []
    assert not folder.exists()


def test_two_stacks_side_by_side_do_not_meet(stack: RunningStack, start_stack: StartStack) -> None:
    other = start_stack()
    for name in ("BALANCER_URL", "PRIMARY_URL", "DATABASE_URL", "PRIMARY_SERVICE_ID", "RENDER_API_KEY"):
        assert stack.values[name] != other.values[name]
    assert stack.render("GET", "/services", key=other.values["RENDER_API_KEY"]).status_code == 401
    assert stack.render("GET", f"/services/{other.values['PRIMARY_SERVICE_ID']}").status_code == 404
    down = subprocess.run(stack_command("down"), cwd=ROOT, capture_output=True, text=True, check=False)
    assert (down.returncode, down.stderr.count("\n")) == (2, 1), (
        "programs' stacks are not a person's to end by accident"
    )
    other.end()
    assert other.is_gone()
    assert requests.get(stack.values["PRIMARY_URL"] + "/api/v2/heartbeat", timeout=5).status_code == 200


@pytest.mark.parametrize("name", ["chroma-replica", "chroma-postgres"])
def test_a_service_that_is_killed_is_started_again(stack: RunningStack, name: str) -> None:
    before = stack.service(name)
    os.kill(stack.pid(name), signal.SIGKILL)
    until("it is down", lambda: stack.service(name).pid != before.pid)
    after = stack.until_live(name)
    assert after.port == before.port
    assert after.pid != before.pid
    if name == "chroma-replica":
        kinds = [event["type"] for event in stack.events(stack.values["REPLICA_SERVICE_ID"])]
        assert kinds[:2] == ["server_available", "server_failed"]
        failed = stack.events(stack.values["REPLICA_SERVICE_ID"])[1]
        assert failed["details"] == {"reason": "was ended by SIGKILL", "exitCode": -9}


def test_what_a_balancer_started_dies_with_it(start_stack: StartStack) -> None:
    stack = start_stack(balancer=TINY_BALANCER + " $PORT --worker")
    (worker,) = [p for p in belonging_to(stack.folder, "chroma-balancer") if p.name() == "sleep"]
    os.kill(stack.pid("chroma-balancer"), signal.SIGKILL)
    until("its worker is gone", lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    stack.until_live("chroma-balancer")


def test_a_taken_port_is_refused_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = refused_up("--port", f"chroma-primary={port}")
    assert f"Port {port} is taken, so chroma-primary can't have it" in sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "chroma-primery=8000"], "--port knows no 'chroma-primery'"),
        (["--port", "chroma-primary=http"], "a port is a number from 1 to 65535"),
        (["--set", "READ_REPLICA_RATO=0"], "--set knows no READ_REPLICA_RATO"),
        (["--set", "READ_REPLICA_RATIO"], "--set NAME=VALUE"),
    ],
)
def test_an_argument_that_is_not_understood_is_refused_in_one_sentence(arguments: list[str], words: str) -> None:
    assert words in refused_up(*arguments)


def test_a_balancer_that_exits_is_told_with_its_last_words(tmp_path: Path) -> None:
    sentence = refused_up("--logs", str(tmp_path), balancer=TINY_BALANCER + " $PORT --exit")
    assert "chroma-balancer exited with code 7 before it was healthy" in sentence
    assert "READ_REPLICA_RATIO is not to my taste. Its log is" in sentence
    assert [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])] == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-such-balancer --port $PORT", "'no-such-balancer': No such file or directory"),
        ("balancer --port $PROT", "uses $PROT, which is not set"),
        ("balancer 'unclosed", "can't be read as a command"),
        (" ", "is set but empty"),
    ],
)
def test_a_balancer_command_that_can_not_be_run_is_told(command: str, words: str) -> None:
    assert words in refused_up(balancer=command)


def test_status_and_down_serve_a_person(tmp_path: Path) -> None:
    up = subprocess.Popen(
        stack_command("up", "--logs", str(tmp_path)),
        cwd=ROOT,
        env=stack_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert up.stdout is not None
    first = up.stdout.readline()
    assert first.startswith("The stack is up in ")
    status = subprocess.run(stack_command("status"), cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"Stack {up.pid}, started by a person" in status.stdout
    assert status.stdout.count(" live ") >= 5
    subprocess.run(stack_command("down", "--pid", str(up.pid)), cwd=ROOT, check=True, capture_output=True)
    rest = up.stdout.read()
    assert up.wait(timeout=5) == 0
    up.stdout.close()
    for word in ("postgresql://", "/v1", "rnd_", "srv-", "dpg-", str(tmp_path)):
        assert word in rest
    gone = subprocess.run(
        stack_command("down", "--pid", str(up.pid)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert gone.returncode == 2
    assert gone.stderr == f"No stack is running as process {up.pid}; see python -m stack status.\n"


def test_a_pid_that_is_used_again_is_not_the_old_process() -> None:
    mine = start_time(os.getpid())
    assert mine is not None
    assert is_same_process(os.getpid(), mine)
    assert not is_same_process(os.getpid(), mine - 1)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert start_time(child.pid) is None
