"""The evidence floor: how much was seen in each phase, and what that is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..history import Action, History, Operation, Result
from ..sandwiches import Phase
from ..words import count, listing
from .findings import Gap, untested
from .outages import Outage, outages


@dataclass(frozen=True)
class Evidence:
    """What a judgement rests on.

    Attributes:
        numbers: how many operations there were, by phase, kind and result. A run without faults has only BEFORE.
    """

    numbers: Mapping[tuple[Phase, Action, Result], int]

    def total(self, phase: Phase | None = None) -> int:
        """Return the number of operations whose content is judged, in a phase or in all."""
        return sum(
            number
            for (own, _, result), number in self.numbers.items()
            if result is not Result.FAIL and phase in (None, own)
        )

    def sentence(self, violations: int) -> str:
        """Return what so many violations in so many operations say.

        None in n operations means a true rate of at most 3/n, at a confidence of 95 % (the rule of three).
        """
        phases = ", ".join(f"{self.total(phase):,} {phase.value}" for phase in Phase if self.total(phase))
        number = self.total()
        if not number:
            return "No operation was judged."
        said = f"{count(violations, 'violation')} in {count(number, 'operation')} ({phases})"
        bound = f": at most {300 / number:.2g} % at 95 %" if not violations and number >= 3 else ""
        return f"{said}{bound}."


def evidence(history: History) -> tuple[Evidence, list[Gap]]:
    """Return what a history's judgement rests on, and a gap for whatever is too little."""
    faults = outages(history)
    numbers: Counter[tuple[Phase, Action, Result]] = Counter()
    for operation in history.operations:
        phase = phase_of(operation, faults)
        if phase is not None:
            numbers[phase, operation.action, operation.result] += 1
    gaps = [untested(one.problem) for one in faults if one.problem]
    injected = {one.fault for one in faults}
    planned = history.header.faults
    gaps += [untested(f"Fault {name} was planned and never injected") for name in planned if name not in injected]
    floor = max(1, history.header.limits.floor)
    for phase in Phase if planned or faults else (Phase.BEFORE,):
        tried = sum(number for (own, _, _), number in numbers.items() if own is phase)
        if tried < floor:
            when = f" {phase.value} the fault" if planned or faults else ""
            gaps.append(untested(f"{count(tried, 'operation')} tried{when}, and at least {floor} are needed"))
    actions = {operation.action for operation in history.operations}
    if never := [action.value for action in history.header.actions if action not in actions]:
        gaps.append(untested(f"Planned and never tried: {listing(never, 8)}"))
    if history.operations and not any(one.result is Result.OK for one in history.operations):
        gaps.append(untested("Not one operation succeeded, so nothing was shown to work"))
    return Evidence(dict(numbers)), gaps


def phase_of(operation: Operation, faults: list[Outage]) -> Phase | None:
    """Return the phase that an operation belongs to; None if it was under way when a fault came or went."""
    if not faults or operation.returned < min(one.injected for one in faults):
        return Phase.BEFORE
    if any(one.proved <= operation.invoked < one.undone for one in faults):
        return Phase.DURING
    if all(operation.invoked >= one.restored for one in faults):
        return Phase.AFTER
    return None
