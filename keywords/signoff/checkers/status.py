"""Status truth: how long the deployment's status says otherwise than the instances themselves."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ..data_types import Role
from ..history import Probe, StatusSample, on_the_way_to
from ..traffic import Sample, untrue_stretches
from ..words import duration
from .findings import Checked, Finding, VerdictClass, unobserved, untested
from .outages import outages
from .view import View


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
    """Return each stretch in which the status was untrue for longer than allowed.

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
    findings = [
        Finding(
            VerdictClass.LYING_STATUS,
            f"The status was untrue for {duration(ended - started)}, allowed {duration(view.limits.untrue)}: "
            f"it said {_words(sample)}, and direct probes said otherwise",
        )
        for started, ended, sample in stretches
        if ended - started > view.limits.untrue
    ]
    changed = [role.value for role in Role if len({one.alive for one in history.probes if one.instance is role}) == 2]
    gaps = (
        () if changed else (untested("No instance was seen to change its health, so the status had nothing to notice"),)
    )
    return Checked(tuple(findings), gaps)


def _words(sample: StatusSample) -> str:
    if sample.healthy is None:
        return "nothing"
    return ", ".join(f"{name} {'healthy' if good else 'unhealthy'}" for name, good in sorted(sample.healthy.items()))
