"""What is read when a workload is over: the log, both instances, the mapping, and what belongs to others."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from ..checks.alerts import unfinished
from ..clients.alerts import Notice
from ..clients.database import Transaction
from ..data_types import Role
from ..history import Alert, AlertRead, Event, FinalRead, Header, LogRead, LogRow, MappingRead, Operation
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..verdict import CouldNotObserve, NotMet

_TERMINAL = ("COMPLETED", "FAILED", "RECOVERED", "ABANDONED")
_AT_ONCE = 5000
_TRIES = 4
Digests = Mapping[str, str]


def log(bed: Testbed, operations: Sequence[Operation], terminal: float) -> list[Event]:
    """Read the transaction log, as soon as every transaction has ended, or had its time to.

    Args:
        operations: all of them; their ids are the log's sessions.
        terminal: seconds that a transaction has after its answer and the last fault.
    """
    sent = [one.id for one in operations if one.action.mutates and one.wire.sent]
    # A row is there before anything is tried: who had no answer has one by now, or the balancer died before it.
    answered = {one.id for one in operations if one.action.mutates and one.wire.status is not None}
    ended: dict[str, list[Transaction]] = {}
    others: list[Transaction] = []

    def look() -> int:
        others.clear()
        wanted = [id for id in sent if id not in ended]
        for start in range(0, len(wanted), _AT_ONCE):
            by_session: dict[str, list[Transaction]] = {}
            for row in bed.database.transactions(wanted[start : start + _AT_ONCE]):
                by_session.setdefault(row.client_session or "", []).append(row)
            for session, rows in by_session.items():
                if all(row.status in _TERMINAL for row in rows):
                    ended[session] = rows
                else:
                    others.extend(rows)
        return len(others)

    try:
        poll(
            look,
            lambda unfinished: not unfinished and answered <= ended.keys(),
            within=timedelta(seconds=terminal + 0.5),
            patient=True,
            every=timedelta(milliseconds=200),
            what="Every transaction has ended",
        )
    except NotMet:
        pass  # which ones have not is for the judgement to say
    rows = [row for own in ended.values() for row in own] + others
    events: list[Event] = [
        LogRow(row.transaction_id, row.client_session or "", row.status, row.created_at, row.completed_at)
        for row in rows
    ]
    return [*events, LogRead(time.monotonic(), len(rows))]


def alerts(bed: Testbed, header: Header, old: int, within: float) -> list[Event]:
    """Read what people were told, as soon as the end of each outage was told, or had its time to be.

    Args:
        header: has the clock of the history.
        old: how many messages had arrived before.
        within: seconds that a message may take.
    """
    try:
        poll(
            lambda: unfinished(bed.alerts.messages()),
            lambda roles: not roles,
            within=timedelta(seconds=within),
            patient=True,
            what="The end of each outage is told",
        )
    except NotMet:
        pass  # what is missing is for the judgement to say
    messages = bed.alerts.messages()
    if len(messages) < old:
        raise CouldNotObserve("the alert sink has forgotten its messages")
    told: list[Event] = [
        Alert(
            header.on_our_clock(one.at),
            Role(next(iter(one.roles))) if len(one.roles) == 1 else None,
            one.notice is Notice.RECOVERY,
            one.text,
        )
        for one in messages[old:]
        if one.taken and one.notice is not Notice.OTHER
    ]
    return [*told, AlertRead(time.monotonic(), len(told))]


def wait_until_alike(bed: Testbed, names: Sequence[str], within: timedelta) -> None:
    """Give the instances the time they have to become alike. Whether they are is for the judgement to say."""

    def look() -> bool:
        if bed.database.owed_rows():
            return False
        return all(_alike(bed, name) for name in names)

    try:
        poll(
            look,
            bool,
            within=within,
            patient=True,
            every=timedelta(milliseconds=200),
            what="Both instances hold the same",
        )
    except (NotMet, CouldNotObserve):
        return


def _alike(bed: Testbed, name: str) -> bool:
    there = [bed.instance(role).has_collection(name) for role in ROLES]
    if not all(there):
        return not any(there)
    one, other = (bed.instance(role).digest(name) for role in ROLES)
    return one == other


def contents(bed: Testbed, names: Sequence[str]) -> list[Event]:
    """Read collections whole from each instance."""
    return [_final_read(bed, role, name) for role in Role for name in names]


def _final_read(bed: Testbed, role: Role, name: str) -> FinalRead:
    """Read a collection whole. What still changes can't be: then it is read once more, and the last word counts."""
    for _ in range(_TRIES - 1):
        read = _read_once(bed, role, name)
        if not read.failure and read.counted == len(read.documents):
            return read
    return _read_once(bed, role, name)


def _read_once(bed: Testbed, role: Role, name: str) -> FinalRead:
    started = time.monotonic()
    instance = bed.instance(role.value)
    try:
        if not instance.has_collection(name):
            return FinalRead(role, name, started, False)
        token = (instance.collection(name).metadata or {}).get("token")
        ids = tuple(info.id for info in instance.list_collections() if info.name == name)
        documents = instance.read_documents(name)
        counted = instance.count(name)
    except CouldNotObserve as error:
        return FinalRead(role, name, started, False, failure=error.sentence)
    said = None if token is None else str(token)
    return FinalRead(role, name, started, True, ids, said, counted, tuple(documents.values()))


def mapping(bed: Testbed, names: Sequence[str]) -> MappingRead:
    """Read the mapping rows of collections."""
    rows = [(row.name, row.primary_id, row.replica_id) for name in names for row in bed.database.mapping(name)]
    return MappingRead(time.monotonic(), tuple(rows))


# ---------------------------------------------------------------- what belongs to others


def digests(bed: Testbed, role: Role, leave_out: Collection[str]) -> Digests:
    """Return a digest of every collection of an instance, by name, but for those that are left out."""
    listed = bed.instance(role.value).list_collections()
    return {info.name: bed.instance(role.value).digest(info.name) for info in listed if info.name not in leave_out}


def written_by_others(
    bed: Testbed, before: Mapping[Role, Digests], after: Mapping[Role, Digests], since: datetime
) -> set[str]:
    """Return the collections that changed and that the log says somebody wrote to meanwhile: nobody's damage."""
    changed = {name for role in Role for name, digest in before[role].items() if after[role].get(name, "") != digest}
    return {name for name in changed if any(row.created_at >= since for row in bed.database.log_rows(name))}
