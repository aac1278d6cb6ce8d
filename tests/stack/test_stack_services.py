"""What is decided before a process is started: ports and the balancer's command."""

from __future__ import annotations

import pytest

from stack.errors import StackError
from stack.ports import HOST, Ports, is_free
from stack.services import BALANCER_SETTINGS, expand_command


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
