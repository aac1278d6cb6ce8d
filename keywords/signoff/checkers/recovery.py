"""How long each fault interrupted work: until a write was acknowledged and readable, and until the fault was told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from ..documents import by_id
from ..history import Action, History, Limits, Operation, Result, on_the_way_to
from ..verdict import VerdictClass
from ..words import count, duration
from .claims import Claim
from .findings import Checked, Finding, Gap, untested
from .outages import Outage, outages
from .registers import Register
from .view import View, touched

_ENOUGH = 10
"""How many writes must have been tried before their failing says something."""


_CHROMAS_OWN = (412, 500)
"""With these Chroma itself answers a read that meets a write of its collection half done."""


@dataclass(frozen=True)
class OfKind:
    """What one fault did to the operations of one kind.

    Attributes:
        first_good: seconds from the fault until the first one begun after it had succeeded; None if none did.
        tried, failed, indeterminate: how many were begun, failed, and had an outcome that nobody told.
    """

    first_good: float | None
    tried: int
    failed: int
    indeterminate: int


@dataclass(frozen=True)
class Recovery:
    """What one fault did to the stream of operations. Times are seconds from the moment it took effect.

    Attributes:
        first_good: until the first write begun after it was acknowledged, and had been read back; None if none was.
        told: until the status had said that the instance is not healthy; None if it did not while the fault was there.
        last_failing: until the start of the last operation that failed before it was undone; 0 if none did.
        failed: how many failed.
        indeterminate: how many had an outcome that nobody told.
        tried: how many were begun.
        tries: the ids of the writes among them.
        kinds: the same for each kind of operation.
    """

    outage: Outage
    first_good: float | None
    told: float | None
    last_failing: float
    failed: int
    indeterminate: int
    tried: int
    tries: tuple[str, ...]
    kinds: Mapping[Action, OfKind]


def recoveries(history: History) -> list[Recovery]:
    """Return what each fault did, in the order of the faults."""
    proved_good = _read_back(history)
    return [_recovery(history, outage, proved_good) for outage in outages(history) if not outage.problem]


def _recovery(history: History, outage: Outage, proved_good: dict[str, float]) -> Recovery:
    within = [one for one in history.operations if outage.injected <= one.returned and one.invoked < outage.undone]
    begun = [one for one in within if one.invoked >= outage.injected]
    writes = [one for one in begun if one.action.mutates]
    good = min((proved_good[one.id] for one in writes if one.id in proved_good), default=inf)
    failing = [one for one in within if one.result is not Result.OK and not _beside_a_write(history, one)]
    return Recovery(
        outage,
        good - outage.injected if good < inf else None,
        _told(history, outage),
        max((max(0.0, one.invoked - outage.injected) for one in failing), default=0.0),
        _number(failing, Result.FAIL),
        _number(failing, Result.INDETERMINATE),
        len(begun),
        tuple(one.id for one in writes),
        {action: _of_kind(action, outage, begun, failing) for action in Action},
    )


def _of_kind(action: Action, outage: Outage, begun: Sequence[Operation], failing: Sequence[Operation]) -> OfKind:
    own = [one for one in begun if one.action is action]
    good = min((one.returned for one in own if one.result is Result.OK), default=inf)
    failed = [one for one in failing if one.action is action]
    return OfKind(
        good - outage.injected if good < inf else None,
        len(own),
        _number(failed, Result.FAIL),
        _number(failed, Result.INDETERMINATE),
    )


def _number(operations: Sequence[Operation], result: Result) -> int:
    return sum(one.result is result for one in operations)


def _told(history: History, outage: Outage) -> float | None:
    """Return how long it took until the status had said that an instance is not healthy, which has a fault."""
    told = (
        sample.ended
        for sample in history.statuses
        if outage.injected <= sample.started < outage.undone and (sample.healthy or {}).get(outage.target) is False
    )
    first = min(told, default=inf)
    return first - outage.injected if first < inf else None


def _beside_a_write(history: History, read: Operation) -> bool:
    """Whether a read was answered by Chroma itself with an error beside a write of its collection.

    What the balancer answers, that nobody could be asked or none answered in time, is never excused.
    """
    if read.action.mutates or read.wire.status not in _CHROMAS_OWN:
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
    gaps: list[Gap] = []
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
            words = ""
        if words:
            findings.append(Finding(VerdictClass.SLOW_FAILOVER, words, one.tries[:5]))
        about_status = list(_told_in_time(view.history, one, limit))
        findings += [said for said in about_status if isinstance(said, Finding)]
        gaps += [said for said in about_status if isinstance(said, Gap)]
    findings += _never_again(view)
    gaps += _late(view)
    if view.limits.first_good and not judged:
        gaps.append(untested("No fault had a limit for how soon work goes on"))
    return Checked(tuple(findings), tuple(gaps), claim=Claim(judged, "fault"))


def _told_in_time(history: History, one: Recovery, limit: float) -> Iterator[Finding | Gap]:
    """Yield what is wrong with when the status told of a fault of an instance, or why that can't be said."""
    outage = one.outage
    if not outage.kind.stops_writes or outage.target not in ("primary", "replica"):
        return  # an instance that still works, or is only hard to reach, may be called healthy or not
    if not any(outage.injected <= sample.started < outage.undone for sample in history.statuses):
        yield untested(f"The status was not read during fault {outage.fault}, so nothing shows when it told of it")
    elif one.told is not None and one.told > limit:
        words = f"The status told of fault {outage.fault} after {duration(one.told)}; allowed are {duration(limit)}"
        yield Finding(VerdictClass.LYING_STATUS, words)
    elif one.told is None and (lasted := outage.undone - outage.injected) > limit:
        words = f"The status never told of fault {outage.fault}, which lasted {duration(lasted)}"
        yield Finding(VerdictClass.LYING_STATUS, words)
    elif one.told is None:
        yield untested(f"Fault {outage.fault} was gone before the status had to tell of it")


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
