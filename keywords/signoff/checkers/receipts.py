"""The receipt audit: what the transaction log says of each write, against what the instances hold.

| | effect present | effect absent |
|---|---|---|
| log says done | recovered | FALSE-RECEIPT |
| log says not done | FALSE-DENIAL | accounted refusal, to be sent again |
| no log row | GHOST | UNLOGGED |
| row not terminal in time | STUCK | STUCK |

A balancer that is killed can't have logged what it had not got to: then a write without an answer may have no row, as
long as it has no effect either.

Audited are all writes that were answered with 503 or not at all, and all acknowledged ones, whose row must be there,
once, and say done. An effect that later writes have covered can't be seen: then only the row itself is judged. How many
those are is said, and if of those that were refused or not answered too few are left, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from ..data_types import Role
from ..history import Operation, Result, Stage
from ..verdict import VerdictClass
from ..words import count, listing
from .claims import Claim
from .findings import Checked, Finding, Gap, unobserved, untested
from .outages import outages
from .registers import Register
from .view import LOGGED_DONE, LOGGED_NOT_DONE, View, touched


class Effect(Enum):
    """Whether a write's effect can be seen in a register at the end."""

    PRESENT = "present"
    ABSENT = "absent"
    COVERED = "covered"


def effect(view: View, operation: Operation, register: Register, role: Role) -> Effect:
    """Return whether a write's effect is in a register of an instance at the end.

    Only if the write explains the content, and no order without it does, it is present; and the other way round.
    """
    seen = view.seen(register, role)
    if seen is None:
        return Effect.COVERED
    with_it = seen[0] in view.allowed(register, supposed=(operation.id, True))
    without_it = seen[0] in view.allowed(register, supposed=(operation.id, False))
    if seen[0] == operation.token and not without_it:
        return Effect.PRESENT
    if with_it is without_it:
        return Effect.COVERED
    return Effect.PRESENT if with_it else Effect.ABSENT


Places = Mapping[tuple[Register, Role], Effect]


@dataclass(frozen=True)
class _Audit:
    view: View
    read_at: float
    undone_at: float

    def judge(self, operation: Operation) -> Iterator[Finding | Gap]:
        """Yield what is wrong with one write's row."""
        rows = self.view.rows.get(operation.id, [])
        called = f"{_called(operation)} ({_answered(operation)})"
        if len(rows) > 1:
            yield self._finding(VerdictClass.DUPLICATED, operation, f"{called} has {len(rows)} transactions")
            return
        if not rows:
            there = self._where(operation, Effect.PRESENT) if operation.result is not Result.OK else []
            if there:
                words = f"{called} has no transaction, and its effect is present {_on(there)}"
                yield self._finding(VerdictClass.GHOST, operation, words)
            elif not self._cut_off(operation):
                yield self._finding(VerdictClass.UNLOGGED, operation, f"{called} has no transaction")
            return
        status = rows[0].status
        if status in LOGGED_DONE:
            if operation.result is not Result.OK and (absent := self._where(operation, Effect.ABSENT)):
                words = f"{called} is logged as {status}, and its effect is absent {_on(absent)}"
                yield self._finding(VerdictClass.FALSE_RECEIPT, operation, words)
        elif status in LOGGED_NOT_DONE:
            if operation.result is Result.OK:
                yield self._finding(VerdictClass.FALSE_DENIAL, operation, f"{called} is logged as {status}")
            elif there := self._where(operation, Effect.PRESENT):
                words = f"{called} is logged as {status}, and its effect is present {_on(there)}"
                yield self._finding(VerdictClass.FALSE_DENIAL, operation, words)
        else:
            waited = self.read_at - max(operation.returned, self.undone_at)
            if waited >= self.view.limits.terminal:
                words = f"{called} is still {status} in the log after {waited:.0f} s"
                yield self._finding(VerdictClass.STUCK, operation, words)
            else:
                yield unobserved(f"{called} was still {status} when the log was read, too early to call it stuck")

    def _cut_off(self, operation: Operation) -> bool:
        """Whether nobody answered because the balancer was gone. Then it may not have got to the log either."""
        unanswered = operation.result is not Result.OK and operation.wire.status is None
        return unanswered and any(
            one.target == "balancer" and one.injected <= operation.returned and operation.invoked <= one.restored
            for one in outages(self.view.history)
        )

    def _where(self, operation: Operation, wanted: Effect) -> list[tuple[Register, Role]]:
        return [place for place, found in places(self.view, operation).items() if found is wanted]

    @staticmethod
    def _finding(verdict: VerdictClass, operation: Operation, words: str) -> Finding:
        return Finding(verdict, words, (operation.id,))


def places(view: View, operation: Operation) -> Places:
    """Return a write's effect in each register of each instance."""
    return {
        (register, role): effect(view, operation, register, role) for register in touched(operation) for role in Role
    }


def check(view: View) -> Checked:
    """Return where the log says otherwise than the clients and the instances."""
    history = view.history
    audited = [operation for operation in view.mutating if _is_audited(operation)]
    if not history.log_reads:
        return Checked(gaps=(untested("The transaction log was not read, so no receipt was audited"),))
    if not audited:
        return Checked(gaps=(untested("No write was sent, so there is no receipt to audit"),))
    undone = max((event.at for event in history.faults if event.stage is Stage.RESTORED), default=0.0)
    audit = _Audit(view, max(read.at for read in history.log_reads), undone)
    findings: list[Finding] = []
    gaps: list[Gap] = []
    explained: set[tuple[Register, Role]] = set()
    for operation in audited:
        for said in audit.judge(operation):
            if isinstance(said, Gap):
                gaps.append(said)
                continue
            findings.append(said)
            if said.verdict in (VerdictClass.FALSE_RECEIPT, VerdictClass.FALSE_DENIAL):
                wanted = Effect.ABSENT if said.verdict is VerdictClass.FALSE_RECEIPT else Effect.PRESENT
                if operation.result is not Result.OK:
                    explained |= {place for place, found in places(view, operation).items() if found is wanted}
    unacknowledged = [operation for operation in audited if operation.result is not Result.OK]
    if history.header.faults and not unacknowledged:
        gaps.append(untested("No write was refused or left unanswered, so no receipt of an outage was audited"))
    visible = sum(set(places(view, operation).values()) != {Effect.COVERED} for operation in unacknowledged)
    covered = len(unacknowledged) - visible
    if visible < (needed := min(view.limits.receipts, len(unacknowledged) // 4)):
        words = (
            f"Of {count(len(unacknowledged), 'write')} that had no acknowledgement, {covered} had their effect covered"
        )
        gaps.append(untested(f"{words} by later writes, and the effect of at least {needed} has to be seen"))
    blamed = {id for finding in findings for id in finding.operations}
    resubmit = tuple(
        operation.id
        for operation in audited
        if operation.result is not Result.OK
        and operation.id not in blamed
        and any(row.status in LOGGED_NOT_DONE for row in view.rows.get(operation.id, []))
    )
    detail = (
        f"{len(unacknowledged)} of writes without an acknowledgement; the effect of {visible} of these could be seen, "
        f"that of {covered} is covered by later writes"
    )
    claim = Claim(len(audited), "receipt", detail=detail if unacknowledged else "")
    return Checked(tuple(findings), tuple(gaps), frozenset(explained), resubmit, claim)


def _is_audited(operation: Operation) -> bool:
    if not operation.wire.sent:
        return False
    return operation.result is not Result.FAIL or operation.wire.status == 503


def _called(operation: Operation) -> str:
    action = operation.action.value
    if operation.action.of_collection:
        return f"The {action} of collection {operation.collection}"
    return f"The {action} of {count(len(operation.documents), 'document')} of {operation.collection}" + (
        f", {listing(list(operation.documents), 3)}" if len(operation.documents) <= 3 else ""
    )


def _answered(operation: Operation) -> str:
    at = f"{operation.returned_at:%H:%M:%S}.{operation.returned_at.microsecond // 1000:03}"
    if operation.result is Result.OK:
        return f"acknowledged {at}"
    return f"answered with {operation.wire.status} {at}" if operation.wire.status else f"not answered, given up {at}"


def _on(places: list[tuple[Register, Role]]) -> str:
    return f"on the {' and the '.join(sorted({role.value for _, role in places}))}"
