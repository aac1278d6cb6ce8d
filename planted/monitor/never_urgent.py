"""Calls every recommendation one of medium urgency."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.monitor import advice
from stack.monitor.advice import Urgency

EXPECTED = Expected("WRONG-ADVICE", {"MON-2": "of high urgency"}, tests=("Use Above What There Is Gets Urgent Advice",))


def plant() -> None:
    def urgency(value: float, threshold: float, high: float) -> Urgency | None:
        return Urgency.MEDIUM if value > threshold else None

    advice.urgency = urgency
