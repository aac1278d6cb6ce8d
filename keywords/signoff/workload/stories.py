"""What clients do to one document after another: short stories, many of which straddle a fault.

A workload that only adds can't show a replay in the wrong order, a second replay, or a delete that is forgotten. Each
story ends in a state that such a mistake changes. Of the mutations within a phase two in five are deletes, of those
that straddle a fault one in three, because most of the faults that escape elsewhere are about them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..history import Action
from ..sandwiches import CELLS, Phase


@dataclass(frozen=True)
class Order:
    """A story's mutations, cut in two.

    Attributes:
        first: what is done before the cut.
        second: what is done after it.
    """

    first: tuple[Action, ...]
    second: tuple[Action, ...]

    @property
    def cut(self) -> tuple[Action, Action]:
        """The two mutations that the cut lies between."""
        return self.first[-1], self.second[0]


STRADDLING = (
    Order((Action.ADD,), (Action.DELETE,)),
    Order((Action.UPSERT,), (Action.DELETE,)),
    Order((Action.ADD, Action.DELETE), (Action.ADD,)),
    Order((Action.UPSERT,), (Action.UPSERT,)),
    Order((Action.ADD, Action.UPDATE), (Action.DELETE,)),
    Order((Action.CREATE,), (Action.DROP, Action.CREATE)),
)
"""The orders of mutations that a fault shall cut."""

_WITHIN_A_PHASE = (
    (Action.ADD, Action.DELETE),
    (Action.ADD, Action.ADD, Action.DELETE),  # the second one changes nothing
    (Action.ADD, Action.UPSERT, Action.DELETE),
    (Action.UPSERT, Action.DELETE),
    (Action.ADD, Action.UPDATE, Action.DELETE),
    (Action.ADD, Action.DELETE, Action.ADD, Action.DELETE),
    (Action.UPSERT, Action.UPSERT, Action.DELETE, Action.ADD, Action.DELETE),
)

_OF_A_COLLECTION = (Action.CREATE, Action.DROP, Action.CREATE, Action.DROP)
_COLLECTION_EVERY = 15


@dataclass(frozen=True)
class Story:
    """What one client does to one document, to a few at once, or to a collection.

    Attributes:
        number: unique in the run.
        documents: how many documents each of its requests is about; 0 if it is about a collection.
        parts: mutations with the phase in which they become due; within a part they follow each other.
    """

    number: int
    documents: int
    parts: tuple[tuple[Phase, tuple[Action, ...]], ...]


class Stories:
    """Gives stories without end; the same seed gives the same ones.

    Args:
        chance: where the choices come from.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._number = 0
        self._deck: list[tuple[Action, ...]] = []

    def straddling(self, each: int) -> list[Story]:
        """Return the stories that one fault shall cut: ``each`` for every order and every pair of phases, shuffled."""
        found = [self._story(order, cell) for cell in CELLS for order in STRADDLING for _ in range(each)]
        self._chance.shuffle(found)
        return found

    def within(self, phase: Phase) -> Story:
        """Return a story that is over within a phase; one of a few is about a collection."""
        if not self._number % _COLLECTION_EVERY:
            return self._new(0, ((phase, _OF_A_COLLECTION),))
        if not self._deck:
            # Each once before any comes again: chance leaves none out, however few there are.
            self._deck = self._chance.sample(_WITHIN_A_PHASE, len(_WITHIN_A_PHASE))
        return self._new(self._size(), ((phase, self._deck.pop()),))

    def _story(self, order: Order, cell: tuple[Phase, Phase]) -> Story:
        size = 0 if order.cut[0].of_collection else self._size()
        return self._new(size, ((cell[0], order.first), (cell[1], order.second)))

    def _size(self) -> int:
        # Requests about several documents show whether such a request takes effect as a whole.
        return self._chance.choice((1, 1, 1, 1, 3))

    def _new(self, documents: int, parts: tuple[tuple[Phase, tuple[Action, ...]], ...]) -> Story:
        self._number += 1
        return Story(self._number, documents, parts)
