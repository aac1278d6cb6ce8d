"""Tells each outage of the wrong instance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from planted.catalogue import Expected
from stack.monitor import messages
from stack.monitor.transitions import Transition

EXPECTED = Expected("ALERT-WRONG", {"MON-3": "arrives"}, tests=("A Crash Of The Primary Is Told Once",))

_OTHER = {"primary": "replica", "replica": "primary"}


def plant() -> None:
    honest = messages.transition

    def transition(change: Transition) -> dict[str, Any]:
        return honest(replace(change, instance=_OTHER.get(change.instance, change.instance)))

    messages.transition = transition
