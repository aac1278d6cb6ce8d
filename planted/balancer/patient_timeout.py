"""Waits for an answer for 3.5 s, whatever REQUEST_TIMEOUT says."""

from __future__ import annotations

from functools import partial

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer import __main__ as balancer
from stack.balancer.settings import Settings

EXPECTED = Expected(
    "IGNORED-SETTING",
    {"PROD-1": "was given up after"},
    also=OUTAGES,
    tests=("The Timeout Decides When A Request Is Given Up",),
)


def plant() -> None:
    vars(balancer)["Settings"] = partial(Settings, request_timeout=3.5)
