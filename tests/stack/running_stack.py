"""What the stack's tests share: a stack in a process of its own, and waits with a deadline."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests

from stack.processes import belonging_to
from stack.state import ServiceState, read_state

ROOT = Path(__file__).resolve().parents[2]
TINY_BALANCER = f"{shlex.quote(sys.executable)} {shlex.quote(str(Path(__file__).with_name('tiny_balancer.py')))}"
_POLL_SECONDS = 0.02
_Seen = TypeVar("_Seen")


def until(what: str, look: Callable[[], _Seen], seconds: float = 10.0) -> _Seen:
    """Look again and again until something true is seen.

    Raises:
        AssertionError: the deadline passed; names the wait and the last thing seen.
    """
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s, last seen: {seen!r}"
        time.sleep(_POLL_SECONDS)  # until the named condition holds
    return seen


def stack_command(*arguments: str) -> list[str]:
    """The command line of the stack."""
    return [sys.executable, "-m", "stack", *arguments]


def stack_environment(balancer: str | None = TINY_BALANCER) -> dict[str, str]:
    """This environment, with a balancer of the tests' own."""
    environment = dict(os.environ)
    environment.pop("SIGNOFF_BALANCER_COMMAND", None)
    environment.pop("SIGNOFF_MONITOR_COMMAND", None)
    if balancer is not None:
        environment["SIGNOFF_BALANCER_COMMAND"] = balancer
    return environment


def refused_up(*arguments: str, balancer: str = TINY_BALANCER) -> str:
    """Run an ``up`` that has to fail with exit code 2 and one sentence, and return the sentence."""
    ours, theirs = os.pipe()  # a standard input that does not end
    try:
        with tempfile.TemporaryDirectory() as logs:
            ended = subprocess.run(
                stack_command("up", "--json", "--logs", logs, *arguments),
                cwd=ROOT,
                env=stack_environment(balancer),
                stdin=ours,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
    finally:
        os.close(ours)
        os.close(theirs)
    assert ended.returncode == 2, ended
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


@dataclass
class RunningStack:
    """A stack that is up, by ``python -m stack up --json``."""

    process: subprocess.Popen[str]
    values: dict[str, str]

    @classmethod
    def start(cls, logs: Path, *arguments: str, balancer: str = TINY_BALANCER) -> RunningStack:
        process = subprocess.Popen(
            stack_command("up", "--json", "--logs", str(logs), *arguments),
            cwd=ROOT,
            env=stack_environment(balancer),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the stack did not come up; its message is in this test's output"
        return cls(process, json.loads(line))

    @property
    def folder(self) -> Path:
        """Its temporary folder."""
        return Path(self.values["STACK_STATE"]).parent

    def service(self, name: str) -> ServiceState:
        """What a service is doing, by the state file."""
        state = read_state(self.folder)
        assert state is not None
        return next(service for service in state.services if service.name == name)

    def pid(self, name: str) -> int:
        """The pid of a service that runs."""
        pid = self.service(name).pid
        assert pid is not None, f"{name} has no process"
        return pid

    def until_live(self, name: str) -> ServiceState:
        """Wait until a service is live."""

        def live() -> ServiceState | None:
            service = self.service(name)
            return service if service.state == "live" else None

        return until(f"{name} is live", live) or self.service(name)

    def until_stopped(self, name: str) -> None:
        """Wait until a service is suspended and has no process at all."""
        until(f"{name} is stopped", lambda: self.service(name).state == "suspended")
        assert belonging_to(self.folder, name) == []

    def render(self, method: str, path: str, key: str | None = None) -> requests.Response:
        """Ask the Render API."""
        return requests.request(
            method,
            self.values["RENDER_API_URL"] + path,
            headers={"Authorization": f"Bearer {key or self.values['RENDER_API_KEY']}"},
            timeout=5,
        )

    def events(self, service_id: str) -> list[dict[str, Any]]:
        """The events of a service, newest first."""
        return [item["event"] for item in self.render("GET", f"/services/{service_id}/events").json()]

    def deploys(self, service_id: str) -> list[dict[str, Any]]:
        """The deploys of a service, newest first."""
        return [item["deploy"] for item in self.render("GET", f"/services/{service_id}/deploys").json()]

    def end(self) -> None:
        """End it as its owner's death would: its standard input ends."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()

    def is_gone(self) -> bool:
        """Whether no process and no folder is left."""
        return not belonging_to(self.folder) and not self.folder.exists()


def signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    """Send a signal to each process."""
    for pid in pids:
        os.kill(pid, number)
