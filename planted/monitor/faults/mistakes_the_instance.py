"""Tells each outage of the wrong instance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stack.monitor import messages
from stack.monitor.transitions import Transition

_OTHER = {"primary": "replica", "replica": "primary"}


def plant() -> None:
    honest = messages.transition

    def transition(change: Transition) -> dict[str, Any]:
        return honest(replace(change, instance=_OTHER.get(change.instance, change.instance)))

    messages.transition = transition
