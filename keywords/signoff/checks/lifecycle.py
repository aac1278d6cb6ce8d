"""What tests leave behind: small suites in processes of their own, and a look at everything they touched."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ..environment import RESOURCES
from ..leftovers import leftovers
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..verdict import CouldNotObserve, NotMet
from ..words import count, listing, sentences, shortened
from .subruns import new_folder, robot, run_beside

_SUITES = RESOURCES / "lifecycle"
_ENDS_WITHIN = timedelta(seconds=120)
_KEPT_DOCUMENTS = 20
REMOVES = "python -m keywords.signoff purge"
"""What a failed test has to name as the way to remove what it kept."""


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
    """Run a suite whose test passes on the deployment of this test's own, and look for what it left behind.

    Raises:
        NotMet: if there is a collection, a mapping, an owed row, an unfinished transaction, or a leftover of it.
        CouldNotObserve: if the suite doesn't pass, or has created nothing.
    """
    folder = new_folder("lifecycle")
    ran = _run(bed, folder, robot([_SUITES / "passes.robot"], folder))
    if ran.code != 0 or not ran.created:
        raise CouldNotObserve(f"the suite that has to pass ended with {ran.code}: {shortened(ran.printed)}")
    _require_gone(bed, ran.created, "a passed test")
    if left := leftovers(bed.environment.balancer_url, folder / "manifest"):
        raise NotMet(f"a passed test left {left[0][1]} in its manifest")
    return f"{count(len(ran.created), 'collection')} of a passed test gone without a trace but the log's history"


def failed_keeps_everything(bed: Testbed) -> str:
    """Run a suite in which one test passes and one fails; look at what is kept and told, purge it, and look again.

    Raises:
        NotMet: if the failed test's data is not there as it was, or not told of, or the purge leaves something.
        CouldNotObserve: if the suite doesn't end as it is meant to.
    """
    folder = new_folder("lifecycle")
    ran = _run(bed, folder, robot([_SUITES / "fails.robot"], folder))
    if ran.code != 1 or len(ran.created) < 2:
        raise CouldNotObserve(f"the suite that has to fail ended with {ran.code}: {shortened(ran.printed)}")
    if len(ran.kept) != 1:
        raise NotMet(f"of {listing(ran.created)} a failed test kept {listing(ran.kept) or 'nothing'}")
    kept = ran.kept[0]
    if found := _missing(bed, kept):
        raise NotMet(f"a failed test did not keep its data: {sentences(found)}")
    for needed in (kept, bed.environment.balancer_url, REMOVES):
        if needed not in ran.printed:
            raise NotMet(f"a failed test does not say {needed}; it said: {shortened(ran.printed, 400)}")
    _require_gone(bed, [name for name in ran.created if name != kept], "a passed test beside a failed one")
    purged = _run(bed, folder, (sys.executable, "-m", "keywords.signoff", "purge"))
    if purged.code != 0:
        raise NotMet(f"what a failed test kept could not be purged: {shortened(purged.printed)}")
    _require_gone(bed, [kept], "a purge")
    return f"{kept} kept with {_KEPT_DOCUMENTS} documents on both instances and told of; gone after {REMOVES}"


def _missing(bed: Testbed, name: str) -> list[str]:
    """What is not there of a collection that was kept, in words."""
    found = []
    for role in ROLES:
        instance = bed.instance(role)
        number = instance.count(name) if instance.has_collection(name) else None
        if number != _KEPT_DOCUMENTS:
            found.append(f"{name} has {'nothing' if number is None else count(number, 'document')} on the {role}")
    if len(bed.database.mapping(name)) != 1:
        found.append(f"{name} has no mapping row")
    if not bed.database.log_rows(name):
        found.append(f"{name} has no row in the write-ahead log")
    return found


def _require_gone(bed: Testbed, names: Sequence[str], who: str) -> None:
    poll(
        lambda: remains(bed, names),
        lambda found: not found,
        within=bed.environment.limits.sync_lag_max,
        what=f"Nothing is left behind by {who}",
        describe=sentences,
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
