"""Batches: a request about several documents takes effect on all of them, or on none."""

from __future__ import annotations

from collections import defaultdict

from ..data_types import Role
from ..history import Result
from ..verdict import VerdictClass
from ..words import count, listing
from .findings import Checked, Finding
from .receipts import Effect, effect
from .view import View, touched


def check(view: View) -> Checked:
    """Return the batches of which an instance holds only a part."""
    findings = []
    for operation in view.mutating:
        if len(operation.documents) < 2 or operation.result is Result.FAIL:
            continue
        for role in Role:
            ids: defaultdict[Effect, list[str]] = defaultdict(list)
            for register in touched(operation):
                found = effect(view, operation, register, role)
                seen = view.seen(register, role)
                if found is Effect.ABSENT and seen and seen[0] in view.allowed(register, late=True):
                    # Either the write may be missing here, or another one came late: then that one is to blame.
                    found = Effect.ABSENT if seen[0] in view.allowed(register) else Effect.COVERED
                ids[found].append(register.document)
            if ids[Effect.PRESENT] and ids[Effect.ABSENT]:
                findings.append(
                    Finding(
                        VerdictClass.PARTIAL,
                        f"Of the {operation.action.value} of {count(len(operation.documents), 'document')} of "
                        f"{operation.collection} ({operation.id}) the effect is absent on "
                        f"{listing(ids[Effect.ABSENT])} on the {role.value}, and present on "
                        f"{listing(ids[Effect.PRESENT], 3)}",
                        (operation.id,),
                    )
                )
    return Checked(tuple(findings))
