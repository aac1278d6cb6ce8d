"""The collection mapping: each name with each instance's own id of it, compared with the instances themselves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from ..clients.balancer import CollectionMapping
from ..clients.instances import is_uuid
from ..polling import poll
from ..testbed import Testbed
from ..verdict import CouldNotObserve, VerdictClass
from ..words import listing, sentences


def complete(bed: Testbed, names: Sequence[str], within: timedelta) -> float:
    """Wait until each collection has exactly one mapping row with the right ids; return the seconds it took."""
    if not names:
        raise CouldNotObserve("no collection is named, so nothing would be checked")
    begin = time.monotonic()
    poll(
        lambda: findings(bed, names),
        lambda found: not found,
        within=within,
        every=timedelta(milliseconds=100),
        what=f"The mapping of {listing(list(names), 3)} is complete",
        describe=lambda found: sentences(found) or "so",
        verdict=VerdictClass.BAD_MAPPING,
    )
    return time.monotonic() - begin


def findings(bed: Testbed, names: Sequence[str]) -> list[str]:
    """Return what is wrong with the mapping rows of these collections, in words; nothing if they are complete."""
    shown = bed.balancer.mappings()
    found = []
    for name in names:
        own = {role: info.id for role, info in bed.own_ids(name).items()}
        for where, rows in (
            ("the table", bed.database.mapping(name)),
            ("/collection/mappings", [row for row in shown if row.name == name]),
        ):
            found += row_findings(name, where, rows, own["primary"], own["replica"])
    return found


def row_findings(
    name: str, where: str, rows: Sequence[CollectionMapping], primary_id: str, replica_id: str
) -> list[str]:
    """Return what is wrong with the rows of one collection, in words.

    Args:
        where: the place of the rows, for the words.
        primary_id, replica_id: the ids that the instances themselves give it.
    """
    if len(rows) != 1:
        return [f"{where} has {len(rows)} rows for {name} instead of 1"]
    found = []
    for role, mapped, own in (("primary", rows[0].primary_id, primary_id), ("replica", rows[0].replica_id, replica_id)):
        if mapped is None:
            found.append(f"{where} has no id of {name} on the {role}")
        elif not is_uuid(mapped):
            found.append(f"{where} has {mapped} for {name} on the {role}, which is no whole UUID")
        elif mapped != own:
            found.append(f"{where} has {mapped} for {name} on the {role}, which itself says {own}")
    if primary_id == replica_id:
        found.append(f"{name} has the same id on both instances")
    return found


def gone(bed: Testbed, name: str, within: timedelta) -> float:
    """Wait until a collection has no mapping row any more; return the seconds it took."""
    bed.tracked(name)
    begin = time.monotonic()
    poll(
        lambda: (len(bed.database.mapping(name)), sum(row.name == name for row in bed.balancer.mappings())),
        lambda rows: rows == (0, 0),
        within=within,
        what=f"The mapping row of the deleted collection {name} is gone",
        describe=lambda rows: f"{rows[0]} in the table, {rows[1]} in /collection/mappings",
        verdict=VerdictClass.BAD_MAPPING,
    )
    return time.monotonic() - begin
