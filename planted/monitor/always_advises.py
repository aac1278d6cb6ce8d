"""Recommends more memory on a calm system."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.monitor import monitor
from stack.monitor.advice import Kind, Measured, Plan, Recommendation, Urgency, recommendations
from stack.monitor.prices import tier_with

EXPECTED = Expected("WRONG-ADVICE", {"MON-2": "on a calm deployment"}, tests=("A Calm Deployment Gets No Advice",))


def plant() -> None:
    def eager(seen: Measured, plan: Plan) -> list[Recommendation]:
        tier = tier_with(2 * plan.memory_mb)
        extra = Recommendation(Kind.MEMORY, seen.memory_percent, tier, "growth is to be expected", Urgency.MEDIUM)
        return recommendations(seen, plan) or [extra]

    monitor.recommendations = eager  # type: ignore[attr-defined,assignment]
