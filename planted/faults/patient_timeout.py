"""Waits for an answer for 3.5 s, whatever REQUEST_TIMEOUT says."""

from __future__ import annotations

from functools import partial

from stack.balancer import __main__ as balancer
from stack.balancer.settings import Settings


def plant() -> None:
    vars(balancer)["Settings"] = partial(Settings, request_timeout=3.5)
