"""Convergence: at the end both instances hold the same collections and documents, field by field."""

from __future__ import annotations

from ..data_types import Role
from ..documents import by_id, differences
from ..verdict import VerdictClass
from .findings import Checked, Finding, untested
from .registers import Register
from .view import View


def check(view: View) -> Checked:
    """Return where the primary and the replica differ.

    While the gauge still shows owed writes that is NOT-CONVERGED; once it shows none it is DIVERGED. A gauge that never
    comes down is NOT-CONVERGED also if the contents agree. The gauge alone never proves that they do.
    """
    shown = [sample.owed for sample in view.history.gauges if sample.owed is not None]
    owed = shown[-1] if shown else 0
    differing = [(register, sentence) for name in view.names for register, sentence in _differences(view, name)]
    verdict, reason = (
        (VerdictClass.NOT_CONVERGED, f"{owed} writes are still owed")
        if owed
        else (VerdictClass.DIVERGED, "nothing is said to be owed")
    )
    findings = [
        Finding(
            verdict,
            f"{sentence[:1].upper()}{sentence[1:]}, compared with the primary, and {reason}",
            tuple(operation.id for operation in view.registers.get(register, [])),
        )
        for register, sentence in differing
    ]
    if owed and not differing:
        findings.append(Finding(verdict, f"Both instances hold the same, and the gauge still shows {owed} owed writes"))
    gaps = () if view.names else (untested("No collection was written to, so there was nothing to converge"),)
    return Checked(tuple(findings), gaps)


def _differences(view: View, name: str) -> list[tuple[Register, str]]:
    primary, replica = (view.finals.get((name, role)) for role in (Role.PRIMARY, Role.REPLICA))
    if primary is None or replica is None:
        return []  # that an instance could not be read is a gap of its own
    register = Register(name, 0, "")
    if primary.found is not replica.found:
        return [(register, f"collection {name} is {'missing' if primary.found else 'present'} on the replica")]
    if primary.token != replica.token:
        return [(register, f"collection {name} is another one on the replica")]
    made = by_id(primary.documents), by_id(replica.documents)
    found = []
    for id in sorted(made[0].keys() | made[1].keys()):
        one, other = made[0].get(id), made[1].get(id)
        if one == other and one is not None and repr(one.metadata) == repr(other.metadata if other else None):
            continue
        own = differences({id: one} if one else {}, {id: other} if other else {}, f"in {name} on the replica")
        found += [(Register(name, view.incarnation(primary) or 0, id), sentence) for sentence in own]
    return found
