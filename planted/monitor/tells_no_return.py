"""Tells of each outage, and never of its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from planted.catalogue import Expected
from stack.monitor.transitions import InstanceStates, Transition

EXPECTED = Expected(
    "ALERT-MISSING",
    {"MON-3": "The recovery notice about the primary arrives"},
    also=("PROD-2",),
    tests=("A Crash Of The Primary Is Told Once",),
)


def plant() -> None:
    honest = InstanceStates.note

    def note(self: InstanceStates, healthy: Mapping[str, bool], at: datetime) -> list[Transition]:
        return [change for change in honest(self, healthy, at) if not change.healthy]

    InstanceStates.note = note  # type: ignore[method-assign]
