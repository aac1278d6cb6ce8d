"""The gauge of owed writes, with its positive control: while writes are certainly owed it has to show some."""

from __future__ import annotations

from ..history import Result
from ..verdict import VerdictClass
from ..words import count
from .claims import Claim
from .findings import Checked, Finding, Gap, unobserved, untested
from .outages import outages
from .view import View


def check(view: View) -> Checked:
    """Return the outages during which writes were owed and the gauge showed none.

    Writes are owed while one instance, proved to take none, misses what was acknowledged meanwhile. A gauge that was
    never seen above zero proves nothing by being zero at the end.
    """
    if not view.history.gauges:
        return Checked(gaps=(untested("The gauge of owed writes was not read"),))
    findings: list[Finding] = []
    gaps: list[Gap] = []
    readings = 0
    outages_seen = 0
    for outage in outages(view.history):
        if outage.problem or not outage.kind.stops_writes or outage.target not in ("primary", "replica"):
            continue
        owed = [
            operation
            for operation in view.mutating
            if operation.result is Result.OK
            and outage.proved <= operation.invoked
            and operation.returned <= outage.undone
        ]
        if not owed:
            continue
        first = min(operation.returned for operation in owed)
        shown = [
            sample.owed for sample in view.history.gauges if first + view.limits.gauge <= sample.at <= outage.undone
        ]
        if not shown:
            continue
        values = [value for value in shown if value is not None]
        readings += len(values)
        outages_seen += 1
        if not values:
            gaps.append(unobserved(f"The gauge showed nothing at all during fault {outage.fault}"))
        elif max(values) <= 0:
            findings.append(
                Finding(
                    VerdictClass.BLIND_GAUGE,
                    f"{count(len(owed), 'write')} acknowledged while the {outage.target} was down "
                    f"({outage.fault}) were owed to it, and the gauge showed 0 each of the {len(values)} times",
                    tuple(operation.id for operation in owed),
                )
            )
    if not outages_seen:
        gaps.append(untested("The gauge was never read while writes were certainly owed, so its zero proves nothing"))
    detail = f"while writes were certainly owed, in {count(outages_seen, 'outage')}"
    claim = Claim(readings, "reading of the gauge", "readings of the gauge", detail, trials=False)
    return Checked(tuple(findings), tuple(gaps), claim=claim)
