"""The collection mapping: each collection has one row with each instance's own id, and no id stands in two rows."""

from __future__ import annotations

from collections import Counter

from ..data_types import Role
from ..verdict import VerdictClass
from ..words import listing
from .findings import Checked, Finding, untested
from .view import View

_ROLES = (Role.PRIMARY, Role.REPLICA)


def check(view: View) -> Checked:
    """Return where the mapping is no bijection. The two instances' ids of a collection may differ, and usually do."""
    if not view.history.mappings:
        return Checked(gaps=(untested("The collection mapping was not read"),))
    rows = view.history.mappings[-1].rows
    wrong: list[tuple[str, str]] = []
    for name in view.names:
        reads = [view.finals.get((name, role)) for role in _ROLES]
        own = [row for row in rows if row[0] == name]
        if all(read is not None and not read.found for read in reads):
            if own:
                wrong.append((name, f"Collection {name} is on no instance, and still has a mapping row"))
            continue
        if len(own) != 1:
            wrong.append((name, f"Collection {name} has {len(own)} mapping rows instead of 1"))
            continue
        for role, read, mapped in zip(_ROLES, reads, own[0][1:], strict=True):
            if read is None or not read.found:
                continue
            if mapped is None:
                wrong.append((name, f"The mapping of {name} has no id on the {role.value}"))
            elif mapped not in read.ids:
                said = listing(list(read.ids))
                wrong.append(
                    (name, f"The mapping of {name} has {mapped} on the {role.value}, which itself says {said}")
                )
    for index, role in enumerate(_ROLES, 1):
        ids = Counter(row[index] for row in rows if row[index] is not None)
        for id, times in ids.items():
            names = [row[0] for row in rows if row[index] == id]
            if times > 1 and set(names) & set(view.names):
                sentence = f"{id} on the {role.value} is mapped to {times} collections: {listing(names)}"
                wrong.append((next(name for name in names if name in view.names), sentence))
    creations = {
        name: tuple(one.id for one in view.mutating if one.collection == name and one.action.of_collection)
        for name in {name for name, _ in wrong}
    }
    return Checked(tuple(Finding(VerdictClass.BAD_MAPPING, sentence, creations[name]) for name, sentence in wrong))
