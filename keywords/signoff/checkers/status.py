"""Status truth: how long the deployment's status says otherwise than the instances themselves, in each outage."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import inf

from ..data_types import Role
from ..history import Probe, StatusSample, on_the_way_to
from ..traffic import Sample, untrue_stretches
from ..verdict import VerdictClass
from ..words import duration
from .claims import Claim
from .findings import Checked, Finding, unobserved, untested
from .outages import outages
from .view import View

_AROUND = 0.1
"""Seconds by which the moment of a fault may be noted too late: its proof takes a while."""


class _Probes:
    """One instance's direct probes, found by time."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        self._samples = [Sample(one.started, one.ended, True if one.alive else None) for one in probes]
        self._started = [sample.started for sample in self._samples]
        self._ended = [sample.ended for sample in self._samples]

    def around(self, sample: StatusSample) -> Sequence[Sample[bool]]:
        """Return the probes from the last one before a sample to the first one after it."""
        first = max(0, bisect_right(self._ended, sample.started) - 1)
        return self._samples[first : bisect_left(self._started, sample.ended) + 1]


def check(view: View) -> Checked:
    """Return the faults, their ends, and the calm before them, after which the status was untrue for too long in all.

    Stretches are added up: a status that changes its mind every second is untrue half of the time, and never for long.
    A stretch belongs to the last change before it, a fault or its end, and each of them has the limit to itself.
    A status that says nothing is untrue too, except while the balancer itself, or what it is made of, has the fault.
    While something on the way to an instance has it, the instance itself can't tell what the balancer sees of it.
    """
    history = view.history
    if not history.statuses:
        return Checked(gaps=(untested("The status was not read"),))
    all_outages = outages(history)
    excused = [one for one in all_outages if one.target not in ("primary", "replica")]
    probes = {
        role.value: _Probes(
            sorted((one for one in history.probes if one.instance is role), key=lambda one: one.started)
        )
        for role in Role
    }
    stretches: list[tuple[float, float, StatusSample]] = []
    since: StatusSample | None = None
    said = 0
    ordered = sorted(history.statuses, key=lambda one: one.started)
    for sample in ordered:
        if sample.healthy is None and any(
            one.injected <= sample.ended and sample.started <= one.restored for one in excused
        ):
            continue
        said += sample.healthy is not None
        cut_off = {
            one.target.removeprefix(on_the_way_to(""))
            for one in excused
            if one.injected <= sample.ended and sample.started <= one.restored + view.limits.untrue
        }
        own = {name: looks.around(sample) for name, looks in probes.items() if name not in cut_off}
        untrue = untrue_stretches([Sample(sample.started, sample.ended, sample.healthy)], own)
        if untrue:
            since = sample if since is None else since
        elif since is not None:
            stretches.append((since.started, sample.started, since))
            since = None
    if since is not None:
        stretches.append((since.started, ordered[-1].ended, since))
    if not said:
        return Checked(gaps=(unobserved(f"The status said nothing in all of {len(ordered)} samples"),))
    changes = [(-inf, "before any fault")]
    for one in all_outages:
        changes += [(one.injected, f"after fault {one.fault}"), (one.undone, f"after the end of fault {one.fault}")]
    changes.sort()
    untrue_in: dict[str, list[tuple[float, StatusSample]]] = {}
    for started, ended, sample in stretches:
        # A stretch may be seen to begin a moment before the fault that it is about.
        when = changes[bisect_right(changes, (min(ended, started + _AROUND), "~")) - 1][1]
        untrue_in.setdefault(when, []).append((ended - started, sample))
    findings = [
        _untrue(when, parts, view.limits.untrue)
        for when, parts in untrue_in.items()
        if _total(parts) > view.limits.untrue
    ]
    changed = [role.value for role in Role if len({one.alive for one in history.probes if one.instance is role}) == 2]
    gaps = (
        () if changed else (untested("No instance was seen to change its health, so the status had nothing to notice"),)
    )
    worst = max((_total(parts) for parts in untrue_in.values()), default=0.0)
    detail = f"untrue for {duration(worst)} after a change at most"
    claim = Claim(len(ordered), "look at the status", "looks at the status", detail, trials=False)
    return Checked(tuple(findings), gaps, claim=claim)


def _total(parts: Sequence[tuple[float, StatusSample]]) -> float:
    return sum(length for length, _ in parts)


def _untrue(when: str, parts: Sequence[tuple[float, StatusSample]], allowed: float) -> Finding:
    longest, sample = max(parts, key=lambda one: one[0])
    several = f" in {len(parts)} stretches, {duration(longest)} at most" if len(parts) > 1 else ""
    return Finding(
        VerdictClass.LYING_STATUS,
        f"The status was untrue for {duration(_total(parts))} {when}{several}, allowed {duration(allowed)}: "
        f"it said {_words(sample)}, and direct probes said otherwise",
    )


def _words(sample: StatusSample) -> str:
    if sample.healthy is None:
        return "nothing"
    return ", ".join(f"{name} {'healthy' if good else 'unhealthy'}" for name, good in sorted(sample.healthy.items()))
