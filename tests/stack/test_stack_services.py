"""What is decided before a process is started: ports and the balancer's command."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from stack.errors import StackError
from stack.ports import HOST, Ports, is_free
from stack.services import BALANCER_COMMAND_VARIABLE, BALANCER_SETTINGS, expand_command
from tests.stack.running_stack import ROOT


def test_ports_are_reserved_against_other_stacks_and_given_back() -> None:
    ports = Ports(["a", "b"], {})
    assert len({ports["a"], ports["b"]}) == 2
    assert is_free(ports["a"]), f"a server on {HOST} can still have it"
    again = Ports(["c"], {})
    assert again["c"] not in (ports["a"], ports["b"])
    ports.release()
    again.release()
    with pytest.raises(StackError, match="already given"):
        Ports(["a", "b"], {"a": again["c"], "b": again["c"]})


def test_a_balancer_command_is_split_and_expanded() -> None:
    words = expand_command("gunicorn 'my app' -b 127.0.0.1:${PORT} --x=$PORT", {"PORT": "8000", **BALANCER_SETTINGS})
    assert words == ("gunicorn", "my app", "-b", "127.0.0.1:8000", "--x=8000")


def _balancer_alone(command: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, BALANCER_COMMAND_VARIABLE: command, "PORT": "4711"}
    return subprocess.run(
        [sys.executable, "-m", "stack", "balancer"],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_balancer_alone_is_the_command_that_a_stack_would_start() -> None:
    ended = _balancer_alone("echo listening on $PORT")
    assert (ended.returncode, ended.stdout) == (0, "listening on 4711\n")


def test_a_command_that_is_none_is_one_sentence() -> None:
    ended = _balancer_alone("no-such-balancer --port $PORT")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "The balancer's command no-such-balancer can't be started: No such file or directory.\n"
