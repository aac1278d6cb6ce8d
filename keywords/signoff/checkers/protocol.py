"""Answers that say success and are none: empty, cut off, no JSON, or an error in the shape of a success."""

from __future__ import annotations

from ..documents import LISTS_DIFFER
from ..history import Operation
from ..verdict import VerdictClass
from .findings import Checked, Finding
from .view import View


def check(view: View) -> Checked:
    """Return the operations whose answer breaks the protocol.

    A read beside a write of the same documents is left aside: Chroma looks texts and embeddings up one after the other,
    and then the lists of its own answer may not fit together.
    """
    return Checked(
        tuple(
            Finding(
                VerdictClass.PROTOCOL,
                f"The {one.action.value} {one.id} on {one.collection} was answered with {one.wire.status}: "
                f"{one.wire.violation}",
                (one.id,),
            )
            for one in view.history.operations
            if one.wire.violation and not (LISTS_DIFFER in one.wire.violation and _beside_a_write(view, one))
        )
    )


def _beside_a_write(view: View, read: Operation) -> bool:
    return any(
        write.collection == read.collection
        and write.invoked <= read.returned
        and write.returned >= read.invoked
        and (not read.documents or write.action.of_collection or set(write.documents) & set(read.documents))
        for write in view.mutating
    )
