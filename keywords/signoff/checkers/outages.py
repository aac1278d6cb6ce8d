"""The faults of a history: when each one was in effect, and whether it was a fault at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from ..history import FaultEvent, FaultKind, History, Operation, Probe, Stage
from ..sandwiches import Phase


@dataclass(frozen=True)
class Outage:
    """A fault with its times, in seconds of the monotonic clock; infinite for a stage that it did not reach.

    Attributes:
        problem: why nothing that was seen can be put down to it; empty if it was proved, and proved undone.
    """

    fault: str
    kind: FaultKind
    target: str
    injected: float
    proved: float
    undone: float
    restored: float
    problem: str


def outages(history: History) -> list[Outage]:
    """Return the faults in the order in which they were first recorded."""
    by_name: dict[str, list[FaultEvent]] = {}
    for event in history.faults:
        by_name.setdefault(event.fault, []).append(event)
    return [_outage(history, events) for events in by_name.values()]


def _outage(history: History, events: list[FaultEvent]) -> Outage:
    first = events[0]
    at = {stage: min((event.at for event in events if event.stage is stage), default=inf) for stage in Stage}
    injected, proved, undone, restored = (at[stage] for stage in Stage)
    problem = ""
    if missing := [stage for stage in Stage if at[stage] == inf]:
        problem = f"Fault {first.fault} was never {missing[0].value}"
    elif not injected <= proved <= undone <= restored:
        problem = f"The stages of fault {first.fault} are out of order"
    elif first.kind.stops_writes and (
        looks := [
            probe.alive
            for probe in history.probes
            if probe.instance.value == first.target and _within(probe, proved, undone)
        ]
    ):
        if any(looks):
            problem = (
                f"The {first.target} answered {sum(looks)} of {len(looks)} direct probes during fault {first.fault}, "
                "so there was no fault all the time"
            )
    elif first.kind.stops_writes and first.target in ("primary", "replica"):
        problem = f"The {first.target} was not probed directly during fault {first.fault}, so nothing shows it was one"
    return Outage(first.fault, first.kind, first.target, injected, proved, undone, restored, problem)


def _within(probe: Probe, proved: float, undone: float) -> bool:
    # A probe that hung until the fault was gone tells of the fault, one that was answered then doesn't.
    return proved <= probe.started < undone and (probe.ended <= undone or not probe.alive)


class Span(NamedTuple):
    """A stretch of the run.

    Attributes:
        number: how many outages were wholly over before it.
        broken: whether it is an outage, or the calm before or after one.
    """

    number: int
    broken: bool


def span_of(operation: Operation, faults: Sequence[Outage]) -> Span | None:
    """Return the stretch that an operation belongs to; None if it was under way when a fault came or went."""
    for one in faults:
        if one.proved <= operation.invoked < one.undone:
            return Span(_over(one.injected, faults), True)
    if any(one.injected <= operation.returned and operation.invoked < one.restored for one in faults):
        return None
    return Span(_over(operation.invoked, faults), False)


def _over(moment: float, faults: Sequence[Outage]) -> int:
    return sum(one.restored <= moment for one in faults)


def phase_of(span: Span | None) -> Phase | None:
    """Return the phase of a stretch, seen from the first outage and the last."""
    if span is None:
        return None
    if span.broken:
        return Phase.DURING
    return Phase.AFTER if span.number else Phase.BEFORE


def cell_of(earlier: Span, later: Span) -> tuple[Phase, Phase] | None:
    """Return the phases of two stretches, seen from an outage that is one of them or lies between them."""
    if earlier.broken:
        return None if later.broken else (Phase.DURING, Phase.AFTER)
    if later.broken:
        return Phase.BEFORE, Phase.DURING
    return (Phase.BEFORE, Phase.AFTER) if later.number > earlier.number else None
