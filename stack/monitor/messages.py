"""What Slack is told. Nothing comes in here but names and numbers, so no credential can come out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .advice import Recommendation, Urgency
from .prices import SOURCE
from .transitions import Transition

_BAD, _WARNING, _GOOD = "danger", "warning", "good"


def transition(change: Transition) -> dict[str, Any]:
    """Return the message for an instance that went or returned."""
    at = _time(change.at)
    if not change.healthy:
        return _message(
            f"ALERT: the {change.instance} is unhealthy since {at}.",
            _BAD,
            {"Instance": change.instance, "Unhealthy since": at},
        )
    assert change.since is not None
    away = f"{(change.at - change.since).total_seconds():.1f} s"
    return _message(
        f"RECOVERED: the {change.instance} is healthy again since {at}, after {away}.",
        _GOOD,
        {"Instance": change.instance, "Healthy since": at, "Away": away},
    )


def recommendation(wanted: Recommendation) -> dict[str, Any]:
    """Return the message for a recommendation."""
    cost = f"{wanted.monthly_cost:.2f} USD a month (list price of {wanted.tier.as_of.isoformat()}, {SOURCE})"
    return _message(
        f"RECOMMENDATION ({wanted.urgency.word}): {wanted.reason}; recommended is {wanted.tier.name}, at {cost}.",
        _BAD if wanted.urgency is Urgency.HIGH else _WARNING,
        {"Concerns": wanted.kind.value, "Recommended plan": wanted.tier.name, "Cost": cost},
    )


def _message(text: str, color: str, fields: dict[str, str]) -> dict[str, Any]:
    shown = [{"title": title, "value": value, "short": True} for title, value in fields.items()]
    return {"text": text, "attachments": [{"color": color, "fallback": text, "fields": shown}]}


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
