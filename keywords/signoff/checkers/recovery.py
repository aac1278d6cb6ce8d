"""How long work was interrupted by each fault: until a write was acknowledged and readable, and until none failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from ..documents import by_id
from ..history import Action, History, Limits, Operation, Result, on_the_way_to
from ..words import count, duration
from .findings import Checked, Finding, Gap, VerdictClass, untested
from .outages import Outage, outages
from .registers import Register
from .view import View, touched

_ENOUGH = 10
"""How many writes must have been tried before their failing says something."""


@dataclass(frozen=True)
class Recovery:
    """What one fault did to the stream of operations. Times are seconds from the moment it took effect.

    Attributes:
        first_good: until the first write begun after it was acknowledged, and had been read back; None if none was.
        last_failing: until the start of the last operation that failed before it was undone; 0 if none did.
        failed: how many failed, or had an unknown outcome.
        tried: how many were begun.
        tries: the ids of the writes among them.
    """

    outage: Outage
    first_good: float | None
    last_failing: float
    failed: int
    tried: int
    tries: tuple[str, ...]


def recoveries(history: History) -> list[Recovery]:
    """Return what each fault did, in the order of the faults."""
    proved_good = _read_back(history)
    return [_recovery(history, outage, proved_good) for outage in outages(history) if not outage.problem]


def _recovery(history: History, outage: Outage, proved_good: dict[str, float]) -> Recovery:
    within = [one for one in history.operations if outage.injected <= one.returned and one.invoked < outage.undone]
    begun = [one for one in within if one.invoked >= outage.injected]
    writes = [one for one in begun if one.action.mutates]
    good = min((proved_good[one.id] for one in writes if one.id in proved_good), default=inf)
    failing = [
        max(0.0, one.invoked - outage.injected)
        for one in within
        if one.result is not Result.OK and not _beside_a_write(history, one)
    ]
    return Recovery(
        outage,
        good - outage.injected if good < inf else None,
        max(failing, default=0.0),
        len(failing),
        len(begun),
        tuple(one.id for one in writes),
    )


def _beside_a_write(history: History, read: Operation) -> bool:
    """Whether a read was answered with an error beside a write of its collection: Chroma itself does that at times."""
    if read.action.mutates or read.wire.status is None:
        return False
    return any(
        one.action.mutates
        and one.collection == read.collection
        and one.invoked <= read.returned
        and one.returned >= read.invoked
        for one in history.operations
    )


def _read_back(history: History) -> dict[str, float]:
    """Return when each acknowledged write was shown to be readable by its own client, by the write's id."""
    latest: dict[tuple[str, Register], Operation] = {}
    shown: dict[str, float] = {}
    for operation in sorted(history.operations, key=lambda one: one.invoked):
        if operation.action.mutates:
            for register in touched(operation):
                latest[operation.client, register] = operation
            continue
        if operation.action is not Action.GET or operation.result is not Result.OK or operation.gone:
            continue
        found = by_id(operation.found)
        for id in operation.documents:
            write = latest.get((operation.client, Register(operation.collection, operation.incarnation, id)))
            if write is None or write.result is not Result.OK or write.returned > operation.invoked:
                continue
            seen = found.get(id)
            deleted = write.action is Action.DELETE
            if (seen is None) is deleted and (seen is None or (seen.metadata or {}).get("token") == write.token):
                shown.setdefault(write.id, operation.returned)
    return shown


def check(view: View) -> Checked:
    """Return the faults after which work did not go on in time. A kind of fault without a limit is not judged."""
    findings = []
    judged = 0
    for one in recoveries(view.history):
        limit = view.limits.first_good.get(one.outage.kind.value)
        if limit is None or one.outage.target.removeprefix(on_the_way_to("")) not in ("primary", "replica"):
            continue
        if any(_overlap(one.outage, other) for other in outages(view.history) if other.fault != one.outage.fault):
            continue  # with more than one fault at a time nothing promises that work goes on
        judged += 1
        fault = f"after fault {one.outage.fault}"
        if one.first_good is None:
            words = f"None of {count(len(one.tries), 'write')} was acknowledged and readable {fault}"
        elif one.first_good > limit or one.last_failing > limit:
            words = (
                f"The first write was acknowledged and readable {duration(one.first_good)} {fault}, and the last "
                f"failing request began {duration(one.last_failing)} after it; allowed are {duration(limit)}"
            )
        else:
            continue
        findings.append(Finding(VerdictClass.SLOW_FAILOVER, words, one.tries[:5]))
    findings += _never_again(view)
    gaps = list(_late(view))
    if view.limits.first_good and not judged:
        gaps.append(untested("No fault had a limit for how soon work goes on"))
    return Checked(tuple(findings), tuple(gaps))


def _late(view: View) -> Iterator[Gap]:
    """Yield a gap if the clients came so late with their requests that their own delay may be what was measured."""
    faults = outages(view.history)
    late = sorted(
        max(0.0, one.invoked - one.due)
        for one in view.history.operations
        if one.due is not None and _on_schedule(one.due, faults, view.limits)
    )
    if late and (most := late[int(0.95 * (len(late) - 1))]) > view.limits.late:
        yield untested(
            f"5 of 100 operations began more than {duration(most)} late, so the load was not what was asked for; "
            "give it more clients, or a lower rate"
        )


def _on_schedule(due: float, faults: Sequence[Outage], limits: Limits) -> bool:
    """Whether an operation had to begin in time: not while all clients may be waiting for a failover to end."""
    patience = max(limits.first_good.values(), default=0.0)
    return not any(one.injected <= due <= one.injected + patience + limits.late for one in faults)


def _never_again(view: View) -> Iterator[Finding]:
    """Yield a finding if no write was acknowledged any more after the last fault was gone."""
    last = max((one.restored for one in outages(view.history) if not one.problem), default=None)
    after = [one for one in view.mutating if last is not None and one.invoked >= last]
    if len(after) >= _ENOUGH and not any(one.result is Result.OK for one in after):
        words = f"None of {count(len(after), 'write')} was acknowledged after the last fault was gone"
        yield Finding(VerdictClass.SLOW_FAILOVER, words, tuple(one.id for one in after[:5]))


def _overlap(one: Outage, other: Outage) -> bool:
    return one.injected < other.restored and other.injected < one.restored
