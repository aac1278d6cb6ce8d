"""Never recommends a larger plan."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.monitor import monitor
from stack.monitor.advice import Measured, Plan, Recommendation

EXPECTED = Expected(
    "WRONG-ADVICE",
    {"MON-2": "A recommendation for memory of medium urgency is given"},
    also=("MON-3",),
    tests=("Use Above Its Threshold Gets Advice",),
)


def plant() -> None:
    def silent(seen: Measured, plan: Plan) -> list[Recommendation]:
        return []

    monitor.recommendations = silent  # type: ignore[attr-defined,assignment]
