"""The transaction log against what clients sent and were told, and against what the instances hold.

Rows are matched to writes by X-Session-ID, never by count.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote

from ..clients.client import Write
from ..clients.database import Transaction
from ..clients.wire import NoAnswer
from ..documents import Document, same
from ..outcomes import Effect
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass, summed_up
from ..words import count, listing
from . import settled

_DONE = ("COMPLETED", "RECOVERED")
_NOT_DONE = ("FAILED", "ABANDONED")
_MOST_OWN = 1000


def number(bed: Testbed, session: str, expected: int) -> None:
    """Check how many transactions a session's writes have.

    Raises:
        NotMet: if it is another number.
    """
    # Before the first write nothing is recorded here, so the ids that later writes will have are asked for as well.
    coming = [f"{session}/{index}" for index in range(1, _MOST_OWN + 1)]
    sessions = [session, *coming, *(write.session for write in bed.writes(session))]
    rows = bed.database.transactions(sessions)
    if len(rows) != expected:
        told = f"there are {len(rows)} transactions of the session {session}, and should be {expected}"
        raise NotMet(_other_number(len(rows), expected).says(told))


def _other_number(rows: int, expected: int) -> VerdictClass:
    """The class of a number of rows that is not the expected one."""
    if rows < expected:
        return VerdictClass.UNLOGGED
    return VerdictClass.DUPLICATED if expected else VerdictClass.PHANTOM


def logged_once(bed: Testbed, session: str, within: timedelta) -> int:
    """Wait until each write of a session has its one transaction, as it should be; return how many writes there are."""
    writes = _writes(bed, session)

    def look() -> list[str]:
        rows = _by_session(bed, writes)
        return [finding for write in writes for finding in transaction_findings(write, rows[write.session])]

    poll(
        look,
        lambda found: not found,
        within=within,
        every=timedelta(milliseconds=100),
        what=f"Each of the {len(writes)} writes is logged once, as it was sent and answered",
        describe=lambda found: summed_up(found) or "so",
    )
    return len(writes)


def transaction_findings(write: Write, rows: Sequence[Transaction]) -> list[str]:
    """Return what is wrong with the transactions of one write, in words with their classes.

    Args:
        write: what the client sent, and was told.
        rows: the transactions with its session id.
    """
    called = f"the {write.action} with session {write.session}"
    expected = 0 if isinstance(write.answer, NoAnswer) and not write.answer.sent else 1
    if len(rows) != expected:
        wrong = _other_number(len(rows), expected)
        return [wrong.says(f"{called} has {len(rows)} transactions instead of {expected}")]
    if not rows:
        return []
    row = rows[0]
    found = []
    if (row.method, unquote(row.path)) != (write.method, unquote(write.path)):
        found.append(VerdictClass.MANGLED.says(f"{called} is logged as {row.method} {row.path}"))
    # An overload is refused before the body is read, so such a row may be without it.
    if not (write.status == 503 and not row.data) and _parsed(row.data) != _parsed(write.body):
        found.append(VerdictClass.MANGLED.says(f"{called} is logged with another payload than was sent"))
    if write.status is not None and row.response_status != write.status:
        other = f"{called} was answered with {write.status} and is logged with {row.response_status}"
        found.append(_other_answer(write.status, row.response_status).says(other))
    if row.status == "ATTEMPTING":
        found.append(VerdictClass.STUCK.says(f"{called} is still ATTEMPTING"))
    elif write.effect is Effect.DONE and row.status not in _DONE:
        found.append(VerdictClass.FALSE_DENIAL.says(f"{called} was acknowledged and is logged as {row.status}"))
    elif write.effect is Effect.NONE and row.status not in _NOT_DONE:
        found.append(VerdictClass.FALSE_RECEIPT.says(f"{called} was refused and is logged as {row.status}"))
    return found


def _other_answer(given: int, logged: int | None) -> VerdictClass:
    """The class of a logged status that is not the one that the client was given."""
    good, told = given < 300, logged is not None and logged < 300
    if logged is None or good is told:
        return VerdictClass.MANGLED
    return VerdictClass.FALSE_DENIAL if good else VerdictClass.FALSE_RECEIPT


@dataclass(frozen=True)
class Accounted:
    """How many writes were refused, and what became of them: done later, or to be sent again."""

    refused: int
    recovered: int
    absent: int


def accounted_for(bed: Testbed, session: str, within: timedelta) -> Accounted:
    """Wait until the log tells the truth about each write of a session whose outcome its client doesn't know.

    Whether an effect is there is looked at only when the log owes nothing for the collection: until then what is not
    there may still come.

    Raises:
        CouldNotObserve: if there was no such write.
        NotMet: if one has no transaction, it doesn't end in time, or it says otherwise than the instances.
    """
    writes = _writes(bed, session)
    refused = [write for write in writes if write.status == 503 or write.effect is Effect.UNKNOWN]
    if not refused:
        raise CouldNotObserve(f"none of the {len(writes)} writes was refused, so there is nothing to account for")
    claims: dict[str, bool] = {}

    names = sorted({write.collection for write in refused})

    def look() -> list[str]:
        if owed := settled.owed(bed, names):
            said = f"the log owes {count(owed, 'row')} of {listing(names, 3)}, so no effect is final"
            return [VerdictClass.NOT_CONVERGED.says(said)]
        rows = _by_session(bed, refused)
        contents = {
            name: {role: bed.instance(role).read_documents(name) for role in ROLES}
            for name in {write.collection for write in refused if write.documents}
        }
        there = {
            name: {role: bed.instance(role).has_collection(name) for role in ROLES}
            for name in {write.collection for write in refused if not write.documents}
        }
        claims.clear()
        found = []
        for write in refused:
            own = rows[write.session]
            if len(own) == 1:
                claims[write.session] = own[0].status in _DONE
            if write.documents:
                found += receipt_findings(write, own, contents[write.collection])
            else:
                found += collection_receipt_findings(write, own, there[write.collection])
        return found

    poll(
        look,
        lambda found: not found,
        within=within,
        every=timedelta(milliseconds=200),
        what=f"Each of the {len(refused)} refused writes is accounted for",
        describe=lambda found: summed_up(found) or "so",
    )
    recovered = sum(claims.values())
    return Accounted(len(refused), recovered, len(refused) - recovered)


def none_claimed_done(bed: Testbed, session: str, within: timedelta) -> int:
    """Check, while nothing can be done, that the log claims of no refused write that it is; return how many there are.

    Args:
        within: how long a row may take to appear.

    Raises:
        CouldNotObserve: if no write was refused.
        NotMet: if one has no transaction, or a transaction that says done.
    """
    refused = [write for write in _writes(bed, session) if write.status == 503]
    if not refused:
        raise CouldNotObserve(f"no write of the session {session} was refused, so no receipt can be false")

    def look() -> list[str]:
        rows = _by_session(bed, refused)
        found = []
        for write in refused:
            own = rows[write.session]
            if len(own) != 1:
                number = f"the {write.action} with session {write.session} has {len(own)} transactions"
                found.append(_other_number(len(own), 1).says(number))
            elif own[0].status in _DONE:
                claimed = f"the {write.action} with session {write.session} is logged as {own[0].status}"
                found.append(VerdictClass.FALSE_RECEIPT.says(claimed))
        return found

    poll(
        look,
        lambda found: not found,
        within=within,
        every=timedelta(milliseconds=100),
        what=f"None of the {len(refused)} refused writes is claimed to be done while no instance is there",
        describe=lambda found: summed_up(found) or "so",
    )
    return len(refused)


def receipt_findings(
    write: Write, rows: Sequence[Transaction], contents: Mapping[str, Mapping[str, Document]]
) -> list[str]:
    """Return how the log and the instances disagree about one write, in words with their classes.

    Args:
        write: a write of documents that nothing else was written to since.
        rows: the transactions with its session id.
        contents: all documents of its collection, by instance and id.
    """
    called = f"the {write.action} of {', '.join(document.id for document in write.documents)}"
    effects = [
        (role, same(None if write.action == "delete" else document, documents.get(document.id)))
        for role, documents in contents.items()
        for document in write.documents
    ]
    return _receipt_findings(write, rows, called, effects)


def collection_receipt_findings(write: Write, rows: Sequence[Transaction], there: Mapping[str, bool]) -> list[str]:
    """Return how the log and the instances disagree about a creation or deletion, in words with their classes.

    Args:
        write: a creation or deletion of a collection of whose name nothing else was asked since.
        rows: the transactions with its session id.
        there: whether each instance has the collection.
    """
    called = f"the {write.action} of collection {write.collection}"
    effects = [(role, has is (write.action == "create")) for role, has in there.items()]
    return _receipt_findings(write, rows, called, effects)


def _receipt_findings(
    write: Write, rows: Sequence[Transaction], called: str, effects: Sequence[tuple[str, bool]]
) -> list[str]:
    if len(rows) != 1:
        unknown = not rows and any(there for _, there in effects)
        wrong = VerdictClass.GHOST if unknown else _other_number(len(rows), 1)
        taken = ", and it took effect" if unknown else ""
        answered = f"{called} was answered with {write.status or 'nothing'}"
        return [wrong.says(f"{answered} and has {len(rows)} transactions{taken}")]
    status = rows[0].status
    if status not in (*_DONE, *_NOT_DONE):
        return [VerdictClass.STUCK.says(f"{called} is still {status}")]
    done = status in _DONE
    wrong = VerdictClass.FALSE_RECEIPT if done else VerdictClass.FALSE_DENIAL
    return [
        wrong.says(f"{called} is logged as {status}, and its effect is {'' if there else 'not '}there on the {role}")
        for role, there in effects
        if there is not done
    ]


def _writes(bed: Testbed, session: str) -> list[Write]:
    writes = bed.writes(session)
    if not writes:
        raise CouldNotObserve(f"there is no write of the session {session}")
    if repeated := [name for name, times in Counter(write.session for write in writes).items() if times > 1]:
        raise CouldNotObserve(f"the session id {repeated[0]} was used twice, so its rows can't be told apart")
    return writes


def _by_session(bed: Testbed, writes: Sequence[Write]) -> Mapping[str, list[Transaction]]:
    rows: defaultdict[str, list[Transaction]] = defaultdict(list)
    for row in bed.database.transactions([write.session for write in writes]):
        rows[row.client_session or ""].append(row)
    return rows


def _parsed(text: str | None) -> object:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
