"""A handle of Chroma's client that a program has kept: it goes on working, whatever happened to the instances."""

from __future__ import annotations

from datetime import timedelta

from ..clients.client import NotRead, read_by_client
from ..documents import rewritten
from ..ledger import Kind, judge
from ..polling import poll
from ..testbed import Testbed
from ..verdict import CouldNotObserve, VerdictClass, summed_up
from .contents import write
from .load import known_documents, query_correctly

_QUERIES, _RESULTS = 5, 3


def works(bed: Testbed, name: str, token: str) -> str:
    """Update, delete, read and query with the handle that a collection was created with; return that in words.

    Args:
        token: of the updates.

    Raises:
        NotMet: if a write is not acknowledged, or an answer is wrong.
        CouldNotObserve: if there is no such handle.
    """
    tracked = bed.tracked(name)
    handle = tracked.handle
    if handle is None:
        raise CouldNotObserve(f"no handle of {name} was kept")
    known = known_documents(bed, name, 4)
    write(bed, Kind.UPDATE, name, [rewritten(document, token) for document in known[:2]])
    write(bed, Kind.DELETE, name, known[-1:])

    def look() -> list[str]:
        try:
            seen = read_by_client(handle)
        except NotRead as error:
            return [bed.unserved().says(f"reading with the handle failed: {error}")]
        return judge(tracked.ledger.registers(), seen, "for the handle")

    poll(
        look,
        lambda found: not found,
        within=bed.environment.limits.sync_lag_max,
        every=timedelta(milliseconds=100),
        what=f"The handle of {name} reads exactly what was acknowledged",
        describe=lambda found: summed_up(found) or "so",
        verdict=VerdictClass.WRONG_ANSWER,
    )
    query_correctly(bed, name, _QUERIES, _RESULTS, ("balancer",))
    if tracked.handle is not handle:
        raise CouldNotObserve(f"{name} was opened anew, so this says nothing of the handle that was kept")
    return f"2 updates, 1 delete, a read and {_QUERIES} queries with the handle from before"
