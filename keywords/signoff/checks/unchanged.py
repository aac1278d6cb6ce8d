"""Writes that must change nothing: what is there already, added or created again, and what a collection can't take."""

from __future__ import annotations

from collections.abc import Sequence

from ..documents import Document
from ..ledger import Kind
from ..testbed import ROLES, Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass, summed_up
from ..words import count
from . import settled
from .contents import existence_findings, write

EVERYWHERE = ("balancer", *ROLES)


def add_again(bed: Testbed, name: str, documents: Sequence[Document]) -> None:
    """Add documents with ids that are there, and see that nothing changes, also when the log owes nothing any more.

    Args:
        documents: with other content than what is there.
    """
    write(bed, Kind.ADD, name, documents)
    settled.hold_exactly(bed, [name], EVERYWHERE, bed.environment.limits.sync_lag_max)


def create_again(bed: Testbed, name: str) -> None:
    """Create an existing collection once more, and see that it is refused with 409 and changes nothing, ever."""
    before = {role: info.id for role, info in bed.own_ids(name).items()}
    written = bed.record(bed.writer.create(bed.session("again"), name, metadata={"second": True}))
    if written.status != 409:
        answered = f"creating {name} once more was answered with {written.answer_in_words} instead of 409"
        raise NotMet(VerdictClass.PROTOCOL.says(answered))
    limit = bed.environment.limits.sync_lag_max
    settled.never_owed(bed, [written.session], limit)
    settled.owe_nothing(bed, [name], limit)
    after = {role: info.id for role, info in bed.own_ids(name).items()}
    if before != after:
        replaced = f"creating {name} once more was refused, and has replaced it all the same"
        raise NotMet(VerdictClass.PHANTOM.says(replaced))
    if found := existence_findings(bed, [name]):
        raise NotMet(f"creating {name} once more was refused, and has changed it all the same: {summed_up(found)}")


def wrong_dimension(bed: Testbed, name: str) -> str:
    """Check that an embedding of another length is refused, stored nowhere, and not owed; say how it was answered."""
    tracked = bed.tracked(name)
    known = tracked.ledger.documents()
    if not known:
        raise CouldNotObserve(f"{name} is empty, so it has no dimension yet")
    length = len(next(iter(known.values())).embedding)
    odd = Document("wrong-dimension", "one value too many", {"wrong": True}, (0.5,) * (length + 1))
    pending = bed.balancer.status().pending_writes
    written = bed.record(bed.writer.write(bed.session("wrong"), Kind.ADD, name, tracked.id, [odd]))
    if written.status is None or not 400 <= written.status < 500:
        answered = f"{length + 1} values in a collection of {length} were answered with {written.answer_in_words}"
        raise NotMet(VerdictClass.PROTOCOL.says(f"{answered} instead of a 4xx"))
    nothing_of(bed, name, [written.session], pending)
    return f"wrong dimension answered with {written.status}"


def nothing_of(bed: Testbed, name: str, sessions: Sequence[str], pending: int) -> None:
    """Check that nothing has become of refused requests: not in the log, not on an instance, not in the status.

    Args:
        name: the collection they were for.
        sessions: their X-Session-IDs.
        pending: how many owed writes the status showed before them.
    """
    limit = bed.environment.limits.sync_lag_max
    settled.never_owed(bed, sessions, limit)
    settled.hold_exactly(bed, [name], EVERYWHERE, limit)
    after = bed.balancer.status().pending_writes
    if after > pending:
        more = f"the status shows {count(after - pending, 'owed write')} more after requests that were all refused"
        raise NotMet(VerdictClass.NOT_CONVERGED.says(more))
