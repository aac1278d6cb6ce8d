"""The evidence floor: how much was seen in each phase, and what that is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..history import Action, History, Operation, Result
from ..sandwiches import CELLS, CUTS, Phase
from ..words import count, listing
from .claims import Claim
from .findings import Gap, untested
from .outages import Outage, Span, cell_of, outages, phase_of, span_of
from .registers import Register
from .view import touched


@dataclass(frozen=True)
class Evidence:
    """What a judgement rests on.

    Attributes:
        numbers: how many operations there were, by phase, kind and result. A run without faults has only BEFORE.
    """

    numbers: Mapping[tuple[Phase, Action, Result], int]

    def total(self, phase: Phase | None = None) -> int:
        """Return the number of operations that succeeded, in a phase or in all: only these have a content to judge."""
        return sum(
            number for (own, _, result), number in self.numbers.items() if result is Result.OK and phase in (None, own)
        )

    def written(self, phase: Phase) -> int:
        """Return the number of writes that were acknowledged in a phase."""
        return sum(
            number
            for (own, action, result), number in self.numbers.items()
            if own is phase and result is Result.OK and action.mutates
        )

    def sentence(self, violations: int) -> str:
        """Return what so many violations in so many operations say."""
        phases = ", ".join(f"{self.total(phase):,} {phase.value}" for phase in Phase if self.total(phase))
        number = self.total()
        if not number:
            return "No operation was judged."
        return Claim(number, "operation", detail=phases).sentence(violations) + "."


def evidence(history: History) -> tuple[Evidence, list[Gap]]:
    """Return what a history's judgement rests on, and a gap for whatever is too little."""
    faults = outages(history)
    numbers: Counter[tuple[Phase, Action, Result]] = Counter()
    for operation in history.operations:
        phase = phase_of(span_of(operation, faults))
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
    gaps += _nothing_succeeded(Evidence(dict(numbers)), faults, floor)
    if len(faults) < history.header.limits.faults:
        number = history.header.limits.faults
        gaps.append(untested(f"{count(number, 'fault')} planned, and {len(faults)} made"))
    actions = {operation.action for operation in history.operations}
    if never := [action.value for action in history.header.actions if action not in actions]:
        gaps.append(untested(f"Planned and never tried: {listing(never, 8)}"))
    if history.operations and not any(one.result is Result.OK for one in history.operations):
        gaps.append(untested("Not one operation succeeded, so nothing was shown to work"))
    return Evidence(dict(numbers)), [*gaps, *_too_little(history, faults)]


def _nothing_succeeded(seen: Evidence, faults: Sequence[Outage], floor: int) -> Iterator[Gap]:
    """Yield the phases in which too little succeeded to show that anything works."""
    # While both instances are away, or the log is, nothing has to succeed.
    apart = all(one.restored <= other.injected for one, other in pairwise(faults))
    served = apart and all(one.target in ("primary", "replica") for one in faults)
    for phase in Phase if faults else (Phase.BEFORE,):
        if phase is Phase.DURING and not served:
            continue
        needed = min(floor, 10)
        if seen.written(phase) < needed:
            words = f"{count(seen.written(phase), 'write')} acknowledged {phase.value} the fault"
            yield untested(f"{words}, and at least {needed} are needed")


def _too_little(history: History, faults: Sequence[Outage]) -> Iterator[Gap]:
    """Yield what the workload did not do as it was to be done."""
    limits = history.header.limits
    mutations = [one for one in history.operations if one.action.mutates]
    deletes = sum(one.action in (Action.DELETE, Action.DROP) for one in mutations)
    if mutations and deletes < limits.deletes * len(mutations):
        share = f"{100 * deletes / len(mutations):.1f} %"
        yield untested(f"{share} of the mutations were deletes, and at least {limits.deletes:.0%} are needed")
    if not limits.cells:
        return
    cut = _cuts(history, faults)
    missing = [
        f"{first.value}-{second.value} {cell[0].value}|{cell[1].value} {cut[first, second, cell]} times"
        for cell in CELLS
        for first, second in CUTS
        if cut[first, second, cell] < limits.cells
    ]
    if missing:
        yield untested(f"each order of mutations has to be cut {limits.cells} times: {listing(missing)}")


def _cuts(history: History, faults: Sequence[Outage]) -> Counter[tuple[Action, Action, tuple[Phase, Phase]]]:
    """Count how often each order of two mutations was cut by a fault, for each pair of phases."""
    last: dict[Register, tuple[Operation, Span]] = {}
    pairs: dict[tuple[str, str], tuple[Action, Action, tuple[Phase, Phase]]] = {}
    for operation in sorted(history.operations, key=lambda one: one.invoked):
        span = span_of(operation, faults)
        if not operation.action.mutates or operation.result is Result.FAIL or span is None:
            continue
        for register in touched(operation):
            if register in last:
                earlier, then = last[register]
                if (cell := cell_of(then, span)) is not None:
                    pairs[earlier.id, operation.id] = (earlier.action, operation.action, cell)
            last[register] = operation, span
    return Counter(pairs.values())
