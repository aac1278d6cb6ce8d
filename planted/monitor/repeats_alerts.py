"""Sends an alert again a moment later, while the instance is still away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from planted.catalogue import Expected
from stack.monitor.transitions import InstanceStates, Transition

EXPECTED = Expected(
    "ALERT-DUPLICATE", {"MON-3": "People were told of fault"}, tests=("People Are Told Once While Clients Are At Work",)
)


def plant() -> None:
    honest = InstanceStates.note
    again: dict[str, datetime] = {}

    def note(self: InstanceStates, healthy: Mapping[str, bool], at: datetime) -> list[Transition]:
        changes = honest(self, healthy, at)
        repeated = [name for name, due in again.items() if at >= due and not healthy.get(name, True)]
        for name in repeated:
            del again[name]
        for change in changes:
            if not change.healthy:
                again[change.instance] = at + timedelta(seconds=0.3)
        return [*changes, *(Transition(name, False, at) for name in repeated)]

    InstanceStates.note = note  # type: ignore[method-assign]
