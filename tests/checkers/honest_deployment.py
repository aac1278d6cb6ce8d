"""An honest deployment, imitated: it gives legal histories, and the same with one thing wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from signoff.data_types import Role
from signoff.documents import Document
from signoff.history import (
    Action,
    Digest,
    Event,
    Evidence,
    FaultEvent,
    FaultKind,
    FinalRead,
    GaugeSample,
    Header,
    History,
    LogRead,
    LogRow,
    MappingRead,
    Moment,
    Operation,
    Probe,
    Result,
    Stage,
    StatusSample,
)
from signoff.ledger import Change, Kind, after

NOON = datetime(2026, 1, 1, 10, 2, 3, 120_000)
START = 100.0
DOCUMENT_WRITES = (Action.ADD, Action.UPDATE, Action.UPSERT, Action.DELETE)
EVERY_ACTION = tuple(Action)
Contents = dict[str, tuple[Operation, dict[str, Document]]]


def wall(at: float) -> datetime:
    return NOON + timedelta(seconds=at - START)


@dataclass(frozen=True)
class Asked:
    """A mutation or read before it is known what becomes of it. ``effect_at`` None: it never takes effect."""

    operation: Operation
    effect_at: float | None


@dataclass
class Run:
    """What was asked, and what becomes of it on a deployment that does everything right."""

    asked: list[Asked] = field(default_factory=list)
    now: float = START

    def ask(
        self,
        action: Action,
        *documents: str,
        collection: str = "orders",
        incarnation: int = 1,
        client: str = "one",
        result: Result = Result.OK,
        effect: bool = True,
        delay: float = 0.0,
        takes: float = 0.1,
        at: float | None = None,
        metadata: Mapping[str, Any] | None = None,
        sent: bool = True,
    ) -> Operation:
        """Ask for one operation; by default after all others have ended.

        Args:
            effect: whether an indeterminate one takes effect.
            delay: how long after its invocation it does.
        """
        invoked = self.now if at is None else at
        id = f"op-{len(self.asked) + 1}"
        status = {Result.OK: 200, Result.FAIL: 503 if sent else None, Result.INDETERMINATE: None}[result]
        wire = Evidence(status, "" if status else "timeout", sent, "none" if result is Result.FAIL and sent else "")
        operation = Operation(
            id, client, 1, action, collection, incarnation, documents,
            f"token-{id}" if action.mutates else "", invoked, invoked + takes, wall(invoked), wall(invoked + takes),
            result, wire, dict(metadata or {}),
        )  # fmt: skip
        happens = result is Result.OK or (result is Result.INDETERMINATE and effect)
        self.asked.append(Asked(operation, invoked + delay if happens else None))
        self.now = max(self.now, invoked + takes + 0.1)
        return operation

    def history(self, *, outage: bool = True) -> History:
        """Play it, and return the history."""
        held: Contents = {}
        became: dict[str, tuple[Operation, float | None]] = {
            one.operation.id: (one.operation, None) for one in self.asked
        }
        due = [one for one in self.asked if one.effect_at is not None]
        for one in sorted(due, key=lambda one: (one.effect_at, one.operation.invoked)):
            operation, at = one.operation, one.effect_at
            became[operation.id] = self._play(operation, at or 0.0, held)
        became = self._identified(became)
        operations = [operation for operation, _ in became.values()]
        events: list[Event] = [*operations]
        rows = [self._row(operation, at) for operation, at in became.values() if operation.action.mutates]
        logged = [row for row in rows if row is not None]
        end = max([self.now, *(one.effect_at or 0.0 for one in self.asked)]) + 1.0
        events += [*logged, LogRead(end + 40, len(logged))]
        events += self._final(held, sorted({one.collection for one in operations}), end + 41)
        faults: tuple[str, ...] = ()
        if outage:
            faults = ("crash-1",)
            events += self._outage(operations, end)
        events += [Digest(role, moment, {"theirs": "abc"}) for role in Role for moment in Moment]
        actions = tuple({operation.action: None for operation in operations})
        return History.of(Header(7, "an imitation", START, NOON, actions, faults), events)

    @staticmethod
    def _identified(became: dict[str, tuple[Operation, float | None]]) -> dict[str, tuple[Operation, float | None]]:
        """Give each client a new identity after each operation whose outcome nobody told."""
        identities: dict[str, int] = {}
        found = {}
        for id, (operation, at) in sorted(became.items(), key=lambda item: item[1][0].invoked):
            identity = identities.setdefault(operation.client, 1)
            identities[operation.client] += operation.result is Result.INDETERMINATE
            found[id] = (replace(operation, identity=identity), at)
        return found

    @staticmethod
    def _play(operation: Operation, at: float, held: Contents) -> tuple[Operation, float | None]:
        current = held.get(operation.collection)
        alive = current is not None and current[0].incarnation == operation.incarnation
        failed = replace(operation, result=Result.INDETERMINATE, wire=Evidence(404))
        match operation.action:
            case Action.CREATE:
                if current is not None:
                    return replace(failed, wire=Evidence(409)), None
                held[operation.collection] = (operation, {})
            case Action.DROP:
                if current is None:
                    return failed, None
                del held[operation.collection]
            case Action.GET | Action.QUERY:
                if current is None or not alive:
                    return replace(operation, gone=True, wire=Evidence(404)), at
                found = tuple(current[1][id] for id in operation.documents if id in current[1])
                return replace(operation, found=found), at
            case _:
                if current is None or not alive:
                    return failed, None
                for id in operation.documents:
                    change = Change.of(Kind[operation.action.name], operation.written(id))
                    state = after(change, current[1].pop(id, None))
                    if state is not None:
                        current[1][id] = state
        return operation, at

    @staticmethod
    def _row(operation: Operation, at: float | None) -> LogRow | None:
        if not operation.wire.sent:
            return None
        done = "COMPLETED" if operation.result is Result.OK else "RECOVERED"
        status = done if at is not None else "FAILED"
        ended = wall(max(at or 0.0, operation.invoked) + 0.05)
        return LogRow(f"t-{operation.id}", operation.id, status, wall(operation.invoked), ended)

    @staticmethod
    def _final(held: Contents, names: list[str], at: float) -> list[Event]:
        events: list[Event] = []
        rows = []
        for name in names:
            ids = {role: f"{name}-on-the-{role.value}" for role in Role}
            if name in held:
                rows.append((name, ids[Role.PRIMARY], ids[Role.REPLICA]))
            for role in Role:
                if name not in held:
                    events.append(FinalRead(role, name, at, False))
                    continue
                made, documents = held[name]
                own = tuple(documents.values())
                events.append(FinalRead(role, name, at, True, (ids[role],), made.token, len(own), own))
        return [*events, MappingRead(at, tuple(rows))]

    @staticmethod
    def _outage(operations: list[Operation], end: float) -> list[Event]:
        """The replica is down in the middle; the probes, the status and the gauge say so."""
        times = sorted(operation.invoked for operation in operations)
        down, up = times[len(times) // 3] - 0.01, times[2 * len(times) // 3] + 0.04
        stages = zip(Stage, (down, down + 0.005, up, up + 0.005), strict=True)
        events: list[Event] = [FaultEvent("crash-1", FaultKind.CRASH, "replica", s, at, "seen") for s, at in stages]
        moment, step = START - 0.5, max(0.04, (end - START) / 60)
        while moment < end:
            alive = not down <= moment < up
            events.append(Probe(Role.PRIMARY, moment, moment + 0.001, True))
            events.append(Probe(Role.REPLICA, moment, moment + 0.001, alive))
            events.append(StatusSample(moment, moment + 0.001, {"primary": True, "replica": alive}))
            events.append(GaugeSample(moment, 0 if alive else 1))
            moment += step
        inside = (down + up) / 2
        events.append(Probe(Role.REPLICA, inside, inside + 0.0001, False))
        events.append(GaugeSample(end, 0))
        return events


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Any interleaving of ok, failed and indeterminate operations of three clients on a few documents."""
    run = Run()
    run.ask(Action.CREATE)
    made = {"orders": 1, "users": 0}
    free = dict.fromkeys(("one", "two", "three"), run.now)
    used: dict[object, int] = {}
    waiting: list[tuple[int, Operation]] = []
    for _ in range(draw(st.integers(0, 18))):
        client = draw(st.sampled_from(sorted(free)))
        name = draw(st.sampled_from(["orders", "orders", "users"]))
        action = draw(st.sampled_from([*DOCUMENT_WRITES, *DOCUMENT_WRITES, Action.GET, Action.CREATE, Action.DROP]))
        if made[name] == 0:
            action = Action.CREATE
        if action is Action.CREATE:
            made[name] += 1
        incarnation = made[name]
        if action is not Action.CREATE:
            incarnation = draw(st.integers(max(1, made[name] - 1), made[name]))
        ids = () if action.of_collection else tuple(draw(st.sets(st.sampled_from("abc"), min_size=1)))
        result = Result.OK if not action.mutates else draw(st.sampled_from([Result.OK, Result.OK, *Result]))
        keys = [(name, 0, "")] if action.of_collection else [(name, incarnation, id) for id in ids]
        if action.mutates and any(used.get(key, 0) >= 8 for key in keys):
            continue
        if action.mutates:
            used.update({key: used.get(key, 0) + 1 for key in keys})
        takes = draw(st.floats(0.01, 2.0))
        at = free[client] + draw(st.floats(0.01, 0.5))
        share = draw(st.floats(0.0, 1.0))
        late = result is Result.INDETERMINATE and draw(st.booleans())
        operation = run.ask(
            action, *ids, collection=name, incarnation=incarnation, client=client, result=result, at=at, takes=takes,
            effect=draw(st.booleans()), delay=takes * share + (draw(st.floats(0, 5)) if late else 0.0),
            metadata={"shared": draw(st.integers(0, 1))} if draw(st.booleans()) else None,
            sent=result is not Result.FAIL or draw(st.booleans()),
        )  # fmt: skip
        free[client] = at + takes
        if late:
            waiting.append((len(run.asked) - 1, operation))
    # An honest deployment replays nothing that its client has meanwhile superseded.
    for index, operation in waiting:
        later = [
            one.operation.invoked
            for one in run.asked[index + 1 :]
            if one.operation.client == operation.client
            and one.operation.action.mutates
            and one.operation.collection == operation.collection
        ]
        moment = run.asked[index].effect_at
        if moment is not None and later:
            run.asked[index] = Asked(operation, min(moment, min(later)))
    run.now = max([run.now, *free.values(), *(one.effect_at or 0.0 for one in run.asked)]) + 1.0
    return run


def with_final(history: History, role: Role, collection: str, **changes: Any) -> History:
    """Return the history with something else on one instance at the end."""
    finals = [
        replace(read, **changes) if (read.instance, read.collection) == (role, collection) else read
        for read in history.finals
    ]
    return replace(history, finals=tuple(finals))


def holding(history: History, role: Role, id: str, document: Document | None, collection: str = "orders") -> History:
    """Return the history with another content of one document on one instance at the end."""
    read = next(one for one in history.finals if (one.instance, one.collection) == (role, collection))
    others = [one for one in read.documents if one.id != id]
    documents = tuple(others if document is None else [*others, document])
    return with_final(history, role, collection, documents=documents, counted=len(documents))


def logged(history: History, operation: Operation, status: str | None) -> History:
    """Return the history with another status of one row of the log, or without that row."""
    rows = [
        row if row.operation != operation.id else replace(row, status=status)
        for row in history.log_rows
        if row.operation != operation.id or status is not None
    ]
    typed = tuple(row for row in rows if isinstance(row, LogRow))
    return replace(history, log_rows=typed, log_reads=(replace(history.log_reads[0], rows=len(typed)),))
