"""Documents that change on one instance alone, past the balancer: nobody's log tells of it."""

from __future__ import annotations

from ..clients.client import Writer
from ..data_types import Role
from ..documents import make_documents, rewritten
from ..ledger import Kind
from ..outcomes import Effect
from ..testbed import Testbed
from ..verdict import CouldNotObserve
from ..words import count


def damage(bed: Testbed, collection: str, role: Role, number: int) -> str:
    """Delete documents on one instance, change as many others, and add as many that nobody wrote.

    Args:
        number: how many of each; the collection needs twice as many.

    Returns:
        What was done, in words.

    Raises:
        CouldNotObserve: if the instance doesn't answer that it is done. It isn't read again to see it: it may be mended
            by then.
    """
    instance = bed.instance(role.value)
    documents = sorted(bed.tracked(collection).ledger.documents().values(), key=lambda document: document.id)
    if len(documents) < 2 * number:
        raise CouldNotObserve(f"{collection} has {count(len(documents), 'document')}, and {2 * number} are needed")
    lost, changed = documents[:number], documents[number : 2 * number]
    writer, session = Writer(instance.wire.url, bed.patience), bed.session("damage")
    for kind, those in (
        (Kind.DELETE, lost),
        (Kind.UPDATE, [rewritten(document, "by nobody") for document in changed]),
        (Kind.ADD, make_documents("stranger", number)),
    ):
        written = writer.write(session, kind, collection, instance.uuid_of(collection), those)
        if written.effect is not Effect.DONE:
            raise CouldNotObserve(f"{instance} could not be damaged: {written.answer_in_words}")
    return f"on {instance}, {count(number, 'document')} lost, {number} changed and {number} added behind the log"
