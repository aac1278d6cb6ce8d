"""Sandwiches: short sequences of writes to one document that straddle an outage.

A workload that only adds can't show a replay in the wrong order, a second replay, or a delete that is forgotten. Each
of these sequences ends in a state that any such mistake changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from .documents import Document, make_documents, rewritten
from .history import Action
from .ledger import Kind


class Phase(Enum):
    """When a part of a sequence is played, seen from the outage."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


_ORDERS = (
    (Kind.ADD, Kind.DELETE),
    (Kind.UPSERT, Kind.UPSERT),
    (Kind.UPDATE, Kind.DELETE),
    (Kind.DELETE, Kind.ADD),
)
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


def steps(phase: Phase, each: int = 5) -> Iterator[tuple[Kind, Document]]:
    """Yield the writes of one phase, in their order.

    Args:
        phase: which one.
        each: how many documents for each sequence and each pair of phases.

    A document that a sequence needs to be there already is added at the beginning of the first phase that touches it.
    """
    for first, second in CELLS:
        for one, other in _ORDERS:
            prefix = f"{one.name}-{other.name}-{first.value}-{second.value}".lower()
            for document in make_documents(prefix, each, token="0"):
                if phase is first:
                    if one in (Kind.UPDATE, Kind.DELETE):
                        yield Kind.ADD, document
                    yield one, rewritten(document, "1")
                elif phase is second:
                    yield other, rewritten(document, "2")
