"""Every kind of write while no instance is there: each is refused openly, and accounted for afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from ..clients.client import Write
from ..ledger import Change, Kind
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count
from .contents import create
from .load import known_documents, refused_writes


def collection_to_delete(bed: Testbed) -> str:
    """Create a collection whose deletion is to be refused; return its name."""
    name = bed.fresh_name("doomed")
    create(bed, name, None)
    return name


def refuse_every_kind(bed: Testbed, name: str, doomed: str, number: int) -> tuple[str, list[str]]:
    """Send writes of documents of all kinds, delete by a condition, create a collection and delete one.

    Args:
        name: of a collection with more documents than ``number``.
        doomed: the collection whose deletion is tried.
        number: how many writes of documents, besides.

    Returns:
        What their sessions begin with, and the kinds of write that were tried.

    Raises:
        NotMet: if one is answered with something else than 503.
    """
    # The last one, so that no other write is about it: what became of it can be seen.
    chosen = known_documents(bed, name, number + 1)[-1]
    session = refused_writes(bed, name, number)
    where = {"number": (chosen.metadata or {}).get("number")}
    alike = [one for one in known_documents(bed, name) if (one.metadata or {}).get("number") == where["number"]]
    if alike != [chosen]:
        raise CouldNotObserve(f"the condition chooses {count(len(alike), 'document')} of {name}, and should choose one")
    tracked = bed.tracked(name)
    by_condition = bed.record(bed.writer.delete_where(f"{session}/where", name, tracked.id, where, [chosen]))
    tracked.ledger.note([Change(Kind.DELETE, chosen.id)], by_condition.effect)
    created = bed.fresh_name("refused")
    bed.track(created)
    writes = [
        by_condition,
        bed.record(bed.writer.create(f"{session}/create", created)),
        bed.record(bed.writer.drop(f"{session}/drop", doomed)),
    ]
    require_refused(writes)
    return session, ["add", "upsert", "delete by id", "update", "delete by condition", "create", "drop"]


def require_refused(writes: Sequence[Write]) -> None:
    """Raise NotMet if a write was answered with something else than 503."""
    for write in writes:
        if write.status != 503:
            asked = f"with no instance to carry it out, a write ({write.action})"
            told = f"{asked} was answered with {write.answer_in_words} instead of 503"
            raise NotMet(VerdictClass.PROTOCOL.says(told))
