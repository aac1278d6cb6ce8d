"""What a write's answer on the wire says about its effect."""

from __future__ import annotations

import json
from enum import Enum

from .clients.wire import NoAnswer, Reply


class Effect(Enum):
    """Whether a write has changed something."""

    DONE = "acknowledged"
    """It was acknowledged, so its effect has to be there."""
    NONE = "refused"
    """It was refused before anything was attempted, so its effect must not be there."""
    UNKNOWN = "indeterminate"
    """Nobody told: its effect may be there, or may still come."""


def effect_of(answer: Reply | NoAnswer) -> Effect:
    """Return what the answer to a write says.

    Args:
        answer: the answer, or why there was none.

    A 404 or 409 says nothing: on something that is known to be there (or known to be new) it can come from a second
    try within the deployment. A 2xx whose body is no JSON, or is an error, is no acknowledgement.
    """
    if isinstance(answer, NoAnswer):
        return Effect.UNKNOWN if answer.sent else Effect.NONE
    if answer.headers.get("x-effect", "").strip().lower() == "none":
        return Effect.NONE
    if 200 <= answer.status < 300:
        return Effect.DONE if _is_acknowledgement(answer.body) else Effect.UNKNOWN
    if answer.status in (400, 401, 403, 405, 413, 415, 422):
        return Effect.NONE
    return Effect.UNKNOWN


def _is_acknowledgement(body: bytes) -> bool:
    try:
        content = json.loads(body)
    except ValueError:
        return False
    return content is None or (isinstance(content, dict) and "error" not in content) or content is True
