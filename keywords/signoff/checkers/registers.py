"""What may be in a register: every order of its mutations that time allows is tried.

A register is one document of one collection, or one collection's name. Its value is the token of the mutation that
wrote it, or None for "not there". At most eight mutations are allowed for each, so nothing has to be guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..history import Action

MOST = 8
"""How many mutations a register may have."""

Value = str | None


class Register(NamedTuple):
    """A place where a value can be; a collection's name has incarnation 0 and no document."""

    collection: str
    incarnation: int
    document: str

    def __str__(self) -> str:
        return f"document {self.document} of {self.collection}" if self.document else f"collection {self.collection}"


@dataclass(frozen=True, slots=True)
class Step:
    """A mutation in the trial of all orders.

    Attributes:
        certain: it took effect; otherwise it may have, or not.
        before: bits of the steps that come before it.
    """

    action: Action
    token: str
    certain: bool
    before: int


def result(action: Action, token: str, value: Value) -> Value:
    """Return what a mutation makes of a value, as Chroma does it; ``ledger.after`` says the same of whole documents."""
    match action:
        case Action.DELETE | Action.DROP:
            return None
        case Action.ADD | Action.CREATE:
            return token if value is None else value
        case Action.UPDATE:
            return None if value is None else token
    return token


Reached = Mapping[int, frozenset[Value]]
"""The values that are possible after a set of steps, by the bits of these steps."""


def reach(steps: Sequence[Step]) -> Reached:
    """Return every set of steps that can have been dealt with, and what the value can be then.

    A step that is not certain can also be passed over.
    """
    reached: dict[int, set[Value]] = {0: {None}}
    level = [0]
    for _ in steps:
        following: dict[int, set[Value]] = {}
        for mask in level:
            values = reached[mask]
            for index, step in enumerate(steps):
                bit = 1 << index
                if mask & bit or step.before & ~mask:
                    continue
                into = following.setdefault(mask | bit, set())
                into.update([result(step.action, step.token, value) for value in values])
                if not step.certain:
                    into.update(values)
        reached.update(following)
        level = list(following)
    return {mask: frozenset(values) for mask, values in reached.items()}


def last(steps: Sequence[Step]) -> frozenset[Value]:
    """Return what the value can be after all steps."""
    return reach(steps)[(1 << len(steps)) - 1]
