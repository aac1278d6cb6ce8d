"""Calls every recommendation one of medium urgency."""

from __future__ import annotations

from stack.monitor import advice
from stack.monitor.advice import Urgency


def plant() -> None:
    def urgency(value: float, threshold: float, high: float) -> Urgency | None:
        return Urgency.MEDIUM if value > threshold else None

    advice.urgency = urgency
