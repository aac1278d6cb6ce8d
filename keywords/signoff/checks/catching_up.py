"""How long each document that was owed to an instance takes to be there, counted from the instance's return."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta

from ..documents import Document
from ..ledger import Register, judge
from ..polling import poll
from ..testbed import Testbed
from ..traffic import Distribution, distribution
from ..verdict import CouldNotObserve, summed_up

_EVERY = timedelta(milliseconds=20)


def lags(bed: Testbed, name: str, role: str, at_least: int, within: timedelta) -> Distribution:
    """Measure, from the moment an instance answered again, when each document of a collection is exact on it.

    Args:
        role: the instance that was away.
        at_least: so many documents must have been owed to it, or nothing is measured.
        within: how long the last one may take.

    Raises:
        NotMet: if a document is not exact there in time, or one is there that should not be.
        CouldNotObserve: if too few documents are known, or it was not away.
    """
    registers = bed.tracked(name).ledger.registers()
    if len(registers) < at_least:
        raise CouldNotObserve(f"{name} has {len(registers)} documents, and at least {at_least} must have been owed")
    returned = bed.faults.restored_at(role)
    instance = bed.instance(role)
    exact: dict[str, float] = {}

    def look() -> list[str]:
        documents = instance.documents_by_reference(instance.uuid_of(name))
        note_exact(exact, registers, documents, time.monotonic() - returned)
        return judge(registers, documents, f"on the {role}")

    poll(
        look,
        lambda found: not found,
        within=max(timedelta(0), within - timedelta(seconds=time.monotonic() - returned)),
        every=_EVERY,
        what=f"Each document of {name} that was owed to the {role} is exact there",
        describe=lambda found: summed_up(found) or "so",
    )
    return distribution(list(exact.values()))


def note_exact(
    exact: dict[str, float], registers: Mapping[str, Register], seen: Mapping[str, Document], after: float
) -> None:
    """Note for each document when it was first exact; one that is no longer so has to become it again.

    Args:
        exact: seconds by document id; changed.
        registers: what may be there.
        seen: what is there.
        after: seconds since the instance returned.
    """
    for id, register in registers.items():
        if judge({id: register}, {id: seen[id]} if id in seen else {}):
            exact.pop(id, None)
        else:
            exact.setdefault(id, after)
