"""Tells of each use above its threshold a second time, with a high urgency."""

from __future__ import annotations

from dataclasses import replace

from planted.catalogue import Expected
from stack.monitor import monitor
from stack.monitor.advice import Measured, Plan, Recommendation, Urgency
from stack.monitor.advice import recommendations as honest

EXPECTED = Expected(
    "WRONG-ADVICE",
    {"MON-2": "was told with high urgency"},
    also=("MON-3",),
    tests=("Use Above Its Threshold Gets Advice",),
)


def plant() -> None:
    def recommendations(seen: Measured, plan: Plan) -> list[Recommendation]:
        return [each for one in honest(seen, plan) for each in (one, replace(one, urgency=Urgency.HIGH))]

    vars(monitor)["recommendations"] = recommendations
