"""Answers that say success and are none: empty, cut off, no JSON, or an error in the shape of a success."""

from __future__ import annotations

from .findings import Checked, Finding, VerdictClass
from .view import View


def check(view: View) -> Checked:
    """Return the operations whose answer breaks the protocol."""
    return Checked(
        tuple(
            Finding(
                VerdictClass.PROTOCOL,
                f"The {one.action.value} {one.id} on {one.collection} was answered with {one.wire.status}: "
                f"{one.wire.violation}",
                (one.id,),
            )
            for one in view.history.operations
            if one.wire.violation
        )
    )
