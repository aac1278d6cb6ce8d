"""How long a history takes to be judged: by its number of operations, from the file to the verdict."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from signoff.checkers.judging import judge_history
from signoff.data_types import Role
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
    HistoryWriter,
    LogRead,
    LogRow,
    MappingRead,
    Moment,
    Operation,
    Probe,
    Result,
    Stage,
    StatusSample,
    read_history,
)

GOALS = {10_000: 5.0, 100_000: 60.0}
"""Seconds from the file to the verdict, by the number of operations."""

CLIENTS = 8
_NOON = datetime(2026, 1, 1, 12)
# The life of one document: what is done to it, and what becomes of that.
_LIFE = (
    (Action.ADD, Result.OK),
    (Action.GET, Result.OK),
    (Action.UPSERT, Result.INDETERMINATE),
    (Action.UPDATE, Result.OK),
    (Action.GET, Result.OK),
    (Action.DELETE, Result.OK),
    (Action.UPSERT, Result.OK),
)
Row = tuple[str, str, str, str]


@dataclass(frozen=True)
class Judged:
    """How long the parts took, in seconds, and what came out."""

    operations: int
    reading: float
    judging: float
    verdict: str


def _events(operations: int) -> Iterable[Event]:
    """A legal history with one crash in its middle, at 1,000 operations per second."""
    created = _operation(0, 0, Action.CREATE, Result.OK, ())
    yield created
    yield LogRow("t0", created.id, "COMPLETED", created.invoked_at, created.returned_at)
    rows = 1
    held: dict[str, Operation | None] = {}
    for number in range(1, operations):
        # Each client goes through the lives of its own documents, one after another.
        client, turn = number % CLIENTS, number // CLIENTS
        action, result = _LIFE[turn % len(_LIFE)]
        id = f"d{client}-{turn // len(_LIFE)}"
        operation = _operation(number, client, action, result, (id,), held.get(id))
        yield operation
        if not action.mutates:
            continue
        held[id] = None if action is Action.DELETE else operation
        done = "COMPLETED" if result is Result.OK else "RECOVERED"
        yield LogRow(f"t{number}", operation.id, done, operation.invoked_at, operation.returned_at)
        rows += 1
    end = operations / 1000
    documents = tuple(operation.written(id) for id, operation in held.items() if operation is not None)
    yield LogRead(end + 40, rows)
    for role in Role:
        yield FinalRead(role, "c", end + 41, True, (f"on-{role.value}",), created.token, len(documents), documents)
        for moment in Moment:
            yield Digest(role, moment, {"theirs": "abc"})
    yield MappingRead(end + 41, (("c", "on-primary", "on-replica"),))
    down, up = end / 3, end * 2 / 3
    for stage, at in zip(Stage, (down, down, up, up), strict=True):
        yield FaultEvent("crash", FaultKind.CRASH, "replica", stage, at)
    for step in range(int(end * 20)):
        at = step / 20
        alive = not down <= at < up
        yield Probe(Role.PRIMARY, at, at + 0.001, True)
        yield Probe(Role.REPLICA, at, at + 0.001, alive)
        yield StatusSample(at, at + 0.001, {"primary": True, "replica": alive})
        yield GaugeSample(at, 0 if alive else 5)


def _operation(
    number: int, client: int, action: Action, result: Result, ids: tuple[str, ...], held: Operation | None = None
) -> Operation:
    invoked = number / 1000
    returned = invoked + 0.0005 * CLIENTS
    identity = 1 + (number // CLIENTS + len(_LIFE) - 3) // len(_LIFE)
    found = (held.written(ids[0]),) if held is not None and not action.mutates else ()
    return Operation(
        f"op{number}", f"client-{client}", identity, action, "c", 1, ids, f"t{number}" if action.mutates else "",
        invoked, returned, _NOON + timedelta(seconds=invoked), _NOON + timedelta(seconds=returned), result,
        Evidence(200 if result is Result.OK else None), {}, found,
    )  # fmt: skip


def judge_once(operations: int) -> Judged:
    """Write a history of so many operations, read it and judge it."""
    actions = tuple({action for action, _ in _LIFE})
    header = Header(1, "a bench", 0.0, _NOON, actions, ("crash",))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        with HistoryWriter(path, header) as writer:
            for event in _events(operations):
                writer.append(event)
        begin = time.perf_counter()
        history = read_history(path)
        read = time.perf_counter()
        judgement = judge_history(history)
        return Judged(operations, read - begin, time.perf_counter() - read, judgement.word.value)


def measure() -> Iterable[Row]:
    """Yield a row for each size: what, measured, goal, whether it holds. A legal history has to be GO as well."""
    for operations, goal in GOALS.items():
        judged = judge_once(operations)
        seconds = judged.reading + judged.judging
        yield (
            f"a history of {operations:,} operations, judged",
            f"{seconds:.2f} s ({judged.reading:.2f} s to read it): {judged.verdict}",
            f"<= {goal:.0f} s",
            "yes" if seconds <= goal and judged.verdict == "GO" else "NO",
        )
