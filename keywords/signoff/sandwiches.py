"""Sandwiches: short sequences of writes to one document that straddle an outage.

A workload that only adds can't show a replay in the wrong order, a second replay, or a delete that is forgotten. Each
of these sequences ends in a state that any such mistake changes.
"""

from __future__ import annotations

from enum import Enum

from .history import Action


class Phase(Enum):
    """When a part of a sequence is played, seen from the outage."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


CELLS = ((Phase.BEFORE, Phase.DURING), (Phase.DURING, Phase.AFTER), (Phase.BEFORE, Phase.AFTER))
"""The phases that the two parts of a sandwich fall into."""

CUTS = (
    (Action.ADD, Action.DELETE),
    (Action.DELETE, Action.ADD),
    (Action.UPSERT, Action.UPSERT),
    (Action.UPDATE, Action.DELETE),
    (Action.CREATE, Action.DROP),
)
"""The mutations that a fault shall come between."""
