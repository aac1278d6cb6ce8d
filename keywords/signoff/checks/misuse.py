"""Wrong questions, asked on purpose: each has to be an error, and never "no documents" or "not there".

This is the library's own self-test, on the real servers: every reader that the checks use is asked wrongly.
"""

from __future__ import annotations

from collections.abc import Callable

from ..clients.instances import COLLECTIONS, Instance
from ..ports import unused_port
from ..testbed import ROLES, Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import shortened
from . import settled
from .contents import hold_exactly
from .unchanged import EVERYWHERE


def read_by_name(bed: Testbed, name: str, role: str) -> str:
    """Get, count and query documents by the collection's name; return the error in words."""
    _premise(bed, name)
    return _wrong_reference(bed, name, role, name, "a name")


def read_by_short_id(bed: Testbed, name: str, role: str) -> str:
    """Get, count and query documents by the beginning of the instance's own id; return the error in words."""
    _premise(bed, name)
    return _wrong_reference(bed, name, role, bed.instance(role).uuid_of(name)[:8], "a shortened id")


def read_by_foreign_id(bed: Testbed, name: str, role: str) -> str:
    """Get, count and query documents by the other instance's id; return the error in words."""
    _premise(bed, name)
    other = next(one for one in ROLES if one != role)
    return _wrong_reference(bed, name, role, bed.instance(other).uuid_of(name), "another instance's id")


def _wrong_reference(bed: Testbed, name: str, role: str, reference: str, what: str) -> str:
    """Ask for a collection's documents by a wrong reference, in every way; return the error in words."""
    instance = bed.instance(role)
    one = next(iter(bed.tracked(name).ledger.documents().values()))
    words = _error_of(lambda: instance.documents_by_reference(reference), f"reading documents by {what}")
    _error_of(lambda: instance.count_by_reference(reference), f"counting documents by {what}")
    _error_of(lambda: instance.query(reference, list(one.embedding), 1), f"a query by {what}")
    return words


def look_up_by_id(bed: Testbed, name: str, role: str) -> str:
    """Look a collection up by its id; return the error in words."""
    _premise(bed, name)
    instance = bed.instance(role)
    uuid = instance.uuid_of(name)
    words = _error_of(lambda: instance.collection(uuid), "looking a collection up by its id")
    _error_of(lambda: instance.has_collection(uuid), "asking by its id whether a collection is there")
    return words


def delete_by_id(bed: Testbed, name: str) -> str:
    """Try to delete a collection by its id, everywhere; return the answer in words.

    Raises:
        NotMet: if that is acknowledged, or the collection is gone or changed afterwards.
    """
    bed.manifest.require(name)
    _premise(bed, name)
    words = []
    for instance in (bed.primary, bed.replica, bed.through_balancer):
        reply = instance.wire.call("DELETE", f"{COLLECTIONS}/{instance.uuid_of(name)}")
        if reply.status < 400:
            deleted = f"{instance} acknowledged the deletion of {name} by an id with {reply.status}"
            raise NotMet(VerdictClass.PROTOCOL.says(deleted))
        words.append(f"{instance}: {reply.status}")
    settled.hold_exactly(bed, [name], EVERYWHERE, bed.environment.limits.sync_lag_goal)
    return f"deletion by id refused ({', '.join(words)})"


def unreadable(bed: Testbed, name: str, role: str) -> str:
    """Read from an instance that doesn't answer, in every way; return the error in words.

    Args:
        role: a suspended instance; "" for an address where nothing listens.
    """
    instance = bed.instance(role) if role else Instance("unreachable instance", f"http://127.0.0.1:{unused_port()}")
    words = _error_of(lambda: instance.read_documents(name), "reading documents")
    for ask, what in (
        (lambda: instance.has_collection(name), "asking whether a collection is there"),
        (lambda: instance.count(name), "counting documents"),
        (instance.list_collections, "listing collections"),
        (instance.heartbeat, "asking for a heartbeat"),
    ):
        _error_of(ask, what)
    return words


def _premise(bed: Testbed, name: str) -> None:
    # "No documents" would be the true answer for an empty collection.
    if not bed.tracked(name).ledger.documents():
        raise CouldNotObserve(f"{name} is empty, so a wrong question could not be told from a right one")
    hold_exactly(bed, [name], ROLES, bed.environment.limits.sync_lag_max)


def _error_of(ask: Callable[[], object], what: str) -> str:
    try:
        answer = ask()
    except CouldNotObserve as error:
        return error.sentence
    raise NotMet(
        VerdictClass.PROTOCOL.says(f"{what} gave an answer instead of an error: {shortened(str(answer), 100)}")
    )
