"""What tests leave behind: small suites in processes of their own, and a look at everything they touched."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ..clients.balancer import CollectionMapping
from ..clients.database import LogRow
from ..documents import Document, by_id, differences, documents_from
from ..environment import RESOURCES
from ..leftovers import PURGE, leftovers
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count, listing, sentences, shortened
from .subruns import new_folder, robot, run_beside

_SUITES = RESOURCES / "lifecycle"
_ENDS_WITHIN = timedelta(seconds=120)
_KEPT_DOCUMENTS = 20


@dataclass(frozen=True)
class Ran:
    """A run that has ended.

    Attributes:
        code: its exit code.
        printed: what it said.
        created: the collections that its manifests name, in their order.
        kept: those of them that it kept.
    """

    code: int
    printed: str
    created: tuple[str, ...]
    kept: tuple[str, ...]


def passed_leaves_nothing(bed: Testbed) -> str:
    """Run a suite whose tests pass on the deployment of this test's own, one of them with a fault; compare everything.

    Raises:
        NotMet: if the whole listing of an instance, of the mapping, or of what is to be done is not what it was.
        CouldNotObserve: if the suite doesn't pass, or has created nothing.
    """
    folder = new_folder("lifecycle")
    before = everything(bed)
    ran = _run(bed, folder, robot([_SUITES / "passes.robot"], folder))
    if ran.code != 0 or not ran.created:
        raise CouldNotObserve(f"the suite that has to pass ended with {ran.code}: {shortened(ran.printed)}")
    _require_gone(bed, ran.created, "a passed test", before)
    if left := leftovers(bed.environment.balancer_url, folder / "manifest"):
        raise NotMet(VerdictClass.LEFT_BEHIND.says(f"a passed test left {left[0][1]} in its manifest"))
    kept = sum(map(len, before.values()))
    return (
        f"{count(len(ran.created), 'collection')} of passed tests gone without a trace but the log's history; "
        f"{count(len(before), 'whole listing')} with {count(kept, 'entry', 'entries')} as before"
    )


def failed_keeps_everything(bed: Testbed) -> str:
    """Run a suite in which one test passes and one fails; look at what is kept and told, purge it, and look again.

    Raises:
        NotMet: if the failed test's data is not there as it was, or not told of, or the purge leaves something.
        CouldNotObserve: if the suite doesn't end as it is meant to.
    """
    folder = new_folder("lifecycle")
    before = everything(bed)
    ran = _run(bed, folder, robot([_SUITES / "fails.robot"], folder))
    if ran.code != 1 or len(ran.created) < 2:
        raise CouldNotObserve(f"the suite that has to fail ended with {ran.code}: {shortened(ran.printed)}")
    if len(ran.kept) != 1:
        wrong = VerdictClass.LEFT_BEHIND if ran.kept else VerdictClass.UNGUARDED
        raise NotMet(wrong.says(f"of {listing(ran.created)} a failed test kept {listing(ran.kept) or 'nothing'}"))
    kept = ran.kept[0]
    if found := _missing(bed, kept):
        raise NotMet(VerdictClass.UNGUARDED.says(f"a failed test did not keep its data: {sentences(found)}"))
    for needed in (kept, bed.environment.balancer_url, PURGE):
        if needed not in ran.printed:
            silent = f"a failed test does not say {needed}; it said: {shortened(ran.printed, 400)}"
            raise NotMet(VerdictClass.UNGUARDED.says(silent))
    _require_gone(bed, [name for name in ran.created if name != kept], "a passed test beside a failed one")
    purged = _run(bed, folder, (sys.executable, "-m", "keywords.signoff", "purge"))
    if purged.code != 0:
        still = f"what a failed test kept could not be purged: {shortened(purged.printed)}"
        raise NotMet(VerdictClass.LEFT_BEHIND.says(still))
    _require_gone(bed, [kept], "a purge", before)
    return f"{kept} kept with {_KEPT_DOCUMENTS} documents on both instances and told of; gone after {PURGE}"


def everything(bed: Testbed) -> dict[str, frozenset[str]]:
    """Return all that there is in a deployment and is no history, by the place where it is listed.

    Databases and collections of each instance by their own names and ids, the mapping as the balancer and as SQL tell
    it, and what is still to be done: rows owed, transactions and tasks without an end.
    """
    listed: dict[str, frozenset[str]] = {}
    for role in ROLES:
        instance = bed.instance(role)
        listed[f"the databases of the {role}"] = frozenset(instance.list_databases())
        found = [f"{info.name} ({info.id})" for info in instance.list_collections()]
        listed[f"the collections of the {role}"] = frozenset(found)
    listed["the mapping"] = frozenset(map(_mapped, bed.database.all_mappings()))
    listed["/collection/mappings"] = frozenset(map(_mapped, bed.balancer.mappings()))
    database = bed.database
    to_do = (
        (database.owed_rows(), "write", "owed"),
        (database.unfinished_transactions(), "transaction", "unfinished"),
        (database.open_sync_tasks(), "task", "open"),
    )
    listed["what is to be done"] = frozenset(
        f"{count(number, noun)} {state}" for number, noun, state in to_do if number
    )
    return listed


def _mapped(mapping: CollectionMapping) -> str:
    return f"{mapping.name} ({mapping.primary_id}, {mapping.replica_id})"


def changes(before: Mapping[str, frozenset[str]], after: Mapping[str, frozenset[str]]) -> list[str]:
    """Return in words what is listed now and was not before, or the other way round."""
    found = []
    for place in sorted({*before, *after}):
        was, now = before.get(place, frozenset()), after.get(place, frozenset())
        found += [f"{place}: {one} is new" for one in sorted(now - was)]
        found += [f"{place}: {one} is gone" for one in sorted(was - now)]
    return found


def _missing(bed: Testbed, name: str) -> list[str]:
    """What is not there of a collection that was kept, in words; its content is what the log says was written."""
    found = []
    rows = bed.database.log_rows(name)
    expected = by_id(document for row in rows for document in _added(row))
    if len(expected) != _KEPT_DOCUMENTS:
        found.append(f"the write-ahead log has {count(len(expected), 'added document')} of {name}")
    for role in ROLES:
        instance = bed.instance(role)
        if not instance.has_collection(name):
            found.append(f"{name} has nothing on the {role}")
        else:
            found += differences(expected, instance.read_documents(name), f" in {name} on the {role}")
    if len(bed.database.mapping(name)) != 1:
        found.append(f"{name} has no mapping row")
    return found


def _added(row: LogRow) -> list[Document]:
    return documents_from(json.loads(row.data or "{}"), "the write-ahead log") if row.path.endswith("/add") else []


def _require_gone(
    bed: Testbed, names: Sequence[str], who: str, before: Mapping[str, frozenset[str]] | None = None
) -> None:
    def left() -> list[str]:
        return remains(bed, names) + (changes(before, everything(bed)) if before is not None else [])

    poll(
        left,
        lambda found: not found,
        within=bed.environment.limits.sync_lag_max,
        what=f"Nothing is left behind by {who}",
        describe=sentences,
        verdict=VerdictClass.LEFT_BEHIND,
    )


def remains(bed: Testbed, names: Sequence[str]) -> list[str]:
    """Return what is left of collections, and of the work on them, in words.

    The write-ahead log and the transaction log keep what has happened; only what is still to be done is a remainder.
    """
    found = []
    mapped = {mapping.name for mapping in bed.balancer.mappings()}
    for name in names:
        found += [f"{name} is on the {role}" for role in ROLES if bed.instance(role).has_collection(name)]
        if name in mapped or bed.database.mapping(name):
            found.append(f"{name} is mapped")
        owed = [row for row in bed.database.log_rows(name) if not row.is_history]
        if owed:
            found.append(f"{name} has {count(len(owed), 'log row')} that is {owed[0].status}")
    if owed_rows := bed.database.owed_rows():
        found.append(f"{count(owed_rows, 'write')} owed")
    if unfinished := bed.database.unfinished_transactions():
        found.append(f"{count(unfinished, 'transaction')} unfinished")
    return found


def _run(bed: Testbed, folder: Path, command: Sequence[str]) -> Ran:
    code, printed = run_beside(bed, folder, command, _ENDS_WITHIN)
    events = [event for path in sorted((folder / "manifest").glob("*.jsonl")) for event in _events(path)]
    return Ran(
        code,
        printed,
        tuple(dict.fromkeys(name for kind, name in events if kind == "created")),
        tuple(dict.fromkeys(name for kind, name in events if kind == "kept")),
    )


def _events(manifest: Path) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    return [(str(line["event"]), str(line["collection"])) for line in lines]
