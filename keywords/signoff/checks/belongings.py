"""What is not ours stays as it is: a canary that nothing may touch, and faults that need a permission."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from ..clients.client import Writer
from ..clients.instances import COLLECTIONS, Instance
from ..documents import make_documents
from ..faults.guard import Use
from ..faults.processes import undo_everything
from ..faults.undo import unresolved
from ..ledger import Kind
from ..manifest import Manifest
from ..outcomes import Effect
from ..polling import poll
from ..testbed import ROLES, Testbed, using
from ..verdict import CouldNotObserve, NotMet, NotTested, VerdictClass, VerdictError
from ..words import count, listing, shortened
from .contents import delete_all
from .destructive import Destructive
from .subruns import new_folder, run, variables_for

_PURGED_WITHIN = timedelta(seconds=60)
_AT_LEAST = 10
"""There are more keywords than this that make a fault; fewer were not all of them."""
_DOCUMENTS = 25


@dataclass(frozen=True)
class Canary:
    """A collection that stands for somebody else's.

    Attributes:
        digests: of its whole content on each instance, by role.
    """

    name: str
    digests: Mapping[str, str]


def plant(bed: Testbed, stem: str) -> Canary:
    """Create a canary past the manifest, so that nothing of this run may delete it; wait until both instances have it.

    Args:
        stem: begins its name, as those of the tests' own collections begin.
    """
    name = bed.fresh_name(stem)
    body = {"name": name, "metadata": {"owner": "somebody else"}}
    reply = bed.through_balancer.wire.call("POST", COLLECTIONS, payload=body)
    answer = reply.json() if reply.status == 200 else {}
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        raise CouldNotObserve(f"the canary {name} could not be created: {reply.text}")
    writer = Writer(bed.environment.balancer_url, bed.patience)
    written = writer.write(
        bed.session("canary"), Kind.ADD, name, answer["id"], make_documents("canary", _DOCUMENTS, token="untouched")
    )
    if written.effect is not Effect.DONE:
        raise CouldNotObserve(f"the canary {name} could not be filled: {written.answer_in_words}")
    poll(
        lambda: [bed.instance(role).has_collection(name) and bed.instance(role).count(name) for role in ROLES],
        lambda numbers: numbers == [_DOCUMENTS, _DOCUMENTS],
        within=bed.environment.limits.sync_lag_max,
        what=f"The canary {name} is on both instances",
    )
    return Canary(name, _digests(bed, name))


def refuses_to_delete(bed: Testbed, canary: Canary, keywords: Sequence[Destructive]) -> int:
    """Try to delete the canary, or documents of it, in every way that the keywords have; each must refuse.

    Args:
        keywords: those that delete.

    Returns:
        How many ways were tried.

    Raises:
        NotMet: if one doesn't refuse.
    """
    ways: list[Callable[[], object]] = [
        lambda: delete_all(bed, [canary.name]),
        lambda: bed.tracked(canary.name),
        *(partial(one.call, canary.name) for one in keywords),
    ]
    for way in ways:
        try:
            way()
        except CouldNotObserve:
            continue
        strange = f"the collection {canary.name}, which is not in the manifest, was not refused"
        raise NotMet(VerdictClass.UNGUARDED.says(strange))
    return len(ways)


def unchanged(bed: Testbed, canary: Canary) -> str:
    """Check that the canary is what it was on both instances; say so in words."""
    gone = [role for role in ROLES if not bed.instance(role).has_collection(canary.name)]
    if gone:
        other = f"the collection {canary.name}, which nobody had a business with, was deleted on {listing(gone)}"
        raise NotMet(VerdictClass.COLLATERAL.says(other))
    now = _digests(bed, canary.name)
    changed = [role for role in ROLES if now[role] != canary.digests[role]]
    if changed:
        other = f"the collection {canary.name}, which nobody had a business with, was changed on {changed[0]}"
        raise NotMet(VerdictClass.COLLATERAL.says(other))
    return f"a canary of {count(_DOCUMENTS, 'document')} unchanged on both instances"


def remove(bed: Testbed, canary: Canary) -> None:
    """Remove the canary itself, by its full name, at the very end."""
    answered = bed.writer.drop(bed.session("canary"), canary.name)
    if answered.effect is not Effect.DONE:
        raise CouldNotObserve(f"the canary {canary.name} could not be removed: {answered.answer_in_words}")


def _digests(bed: Testbed, name: str) -> dict[str, str]:
    """All of a collection on each instance in one line: what it is, what it is mapped to, and what is in it."""
    mapped = sorted((row.primary_id or "", row.replica_id or "") for row in bed.database.mapping(name))
    return {role: _digest(bed.instance(role), name, mapped) for role in ROLES}


def _digest(instance: Instance, name: str, mapped: Sequence[tuple[str, str]]) -> str:
    info = instance.collection(name)
    described = [info.id, info.metadata, info.configuration, info.dimension, list(mapped)]
    return f"{json.dumps(described, sort_keys=True)} {instance.digest(name)}"


def purge_beside(bed: Testbed, canary: Canary) -> str:
    """Purge a collection that a manifest names, as after a run that failed; the canary has to survive that.

    Raises:
        NotMet: if the purge deletes something else, or not what it is there for.
    """
    folder = new_folder("purge")
    manifest = Manifest(bed.environment.balancer_url, folder / "manifest")
    name = bed.fresh_name(canary.name.split("-")[0])
    manifest.add(name)
    reply = bed.through_balancer.wire.call("POST", COLLECTIONS, payload={"name": name})
    if reply.status != 200:
        raise CouldNotObserve(f"the collection {name} could not be created: {reply.text}")
    manifest.keep()
    command = (sys.executable, "-m", "keywords.signoff", "purge")
    code, printed = run(command, variables_for(bed, folder), _PURGED_WITHIN)
    if code or bed.through_balancer.has_collection(name):
        raise NotMet(VerdictClass.LEFT_BEHIND.says(f"{name} could not be purged: {shortened(printed)}"))
    if canary.name in printed:
        raise NotMet(VerdictClass.COLLATERAL.says(f"a purge names {canary.name}, which no manifest has"))
    unchanged(bed, canary)
    return "a purge beside it deleted only what its manifest names"


_FORBIDDEN = "faults are forbidden in the environment"
_SHARED = "faults need the deployment for this suite alone"


def faults_need_permission(bed: Testbed, keywords: Sequence[Destructive]) -> int:
    """Call every keyword that makes a fault where that is forbidden, and where others may be using the deployment.

    Args:
        keywords: all that make a fault.

    Returns:
        How many calls were refused.

    Raises:
        NotMet: if one is made all the same, or refused for another reason.
    """
    if len(keywords) < _AT_LEAST:
        raise CouldNotObserve(f"only {count(len(keywords), 'keyword')} that make a fault were found")
    before = len(unresolved())
    strict = Testbed(replace(bed.environment, destructive=False))
    strict.guard.use = Use.ALONE  # so that the missing permission is what refuses
    shared = Testbed(bed.environment)
    number = 0
    for tester, expected, words in ((strict, NotTested, _FORBIDDEN), (shared, CouldNotObserve, _SHARED)):
        try:
            with using(tester):
                for one in keywords:
                    _require_refused(one, expected, words)
                    number += 1
        finally:
            undo_everything(tester)  # what was not refused was done
            tester.close()
    if len(unresolved()) != before:
        raise NotMet(VerdictClass.UNGUARDED.says("a fault that was refused is in the undo journal"))
    for role in ROLES:
        bed.instance(role).heartbeat()
    return number


def _require_refused(one: Destructive, expected: type[VerdictError], words: str) -> None:
    try:
        one.call()
    except expected as error:
        if error.sentence.startswith(words):
            return
        reason = error.sentence
    except VerdictError as error:
        reason = error.sentence
    else:
        raise NotMet(VerdictClass.UNGUARDED.says(f"{one.name} was done without permission"))
    otherwise = f"{one.name} without permission was refused for another reason: {reason}"
    raise NotMet(VerdictClass.UNGUARDED.says(otherwise))
