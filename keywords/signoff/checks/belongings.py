"""What is not ours stays as it is: a canary that nothing may touch, and faults that need a permission."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..clients.client import Writer
from ..clients.instances import COLLECTIONS
from ..data_types import Role
from ..documents import make_documents
from ..faults.control_plane import restart, suspend
from ..faults.guard import Use
from ..faults.locked_store import Refused
from ..faults.processes import crash, freeze, kill_balancer, lock_store, undo_everything
from ..faults.proxies import Toxic, disturb
from ..faults.undo import unresolved
from ..ledger import Kind
from ..outcomes import Effect
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..verdict import CouldNotObserve, NotMet, NotTested, VerdictError
from ..words import count
from .contents import delete, delete_all

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


def refuses_to_delete(bed: Testbed, canary: Canary) -> None:
    """Try to delete the canary in every way that the keywords have; each must refuse.

    Raises:
        NotMet: if one doesn't.
    """
    ways: list[Callable[[], object]] = [
        lambda: delete(bed, canary.name),
        lambda: delete_all(bed, [canary.name]),
        lambda: bed.tracked(canary.name),
    ]
    for way in ways:
        try:
            way()
        except CouldNotObserve:
            continue
        raise NotMet(f"the collection {canary.name}, which is not in the manifest, was not refused")


def unchanged(bed: Testbed, canary: Canary) -> str:
    """Check that the canary is what it was on both instances; say so in words."""
    now = _digests(bed, canary.name)
    changed = [role for role in ROLES if now[role] != canary.digests[role]]
    if changed:
        raise NotMet(f"the collection {canary.name}, which nobody had a business with, was changed on {changed[0]}")
    return f"a canary of {count(_DOCUMENTS, 'document')} unchanged on both instances"


def remove(bed: Testbed, canary: Canary) -> None:
    """Remove the canary itself, by its full name, at the very end."""
    answered = bed.writer.drop(bed.session("canary"), canary.name)
    if answered.effect is not Effect.DONE:
        raise CouldNotObserve(f"the canary {canary.name} could not be removed: {answered.answer_in_words}")


def _digests(bed: Testbed, name: str) -> dict[str, str]:
    return {role: bed.instance(role).digest(name) for role in ROLES}


def faults_need_permission(bed: Testbed) -> int:
    """Try every fault in an environment that forbids them, and in one that is shared; return how many were refused.

    Raises:
        NotMet: if one is made all the same.
    """
    before = len(unresolved())
    strict = Testbed(replace(bed.environment, destructive=False))
    strict.guard.use = Use.ALONE  # so that the missing permission is what refuses
    shared = Testbed(bed.environment)
    number = 0
    for tester, expected in ((strict, NotTested), (shared, CouldNotObserve)):
        try:
            for name, fault in _faults(tester).items():
                _require_refused(name, fault, expected)
                number += 1
        finally:
            undo_everything(tester)  # what was not refused was done
            tester.close()
    if len(unresolved()) != before:
        raise NotMet("a fault that was refused is in the undo journal")
    for role in ROLES:
        bed.instance(role).heartbeat()
    return number


def _faults(bed: Testbed) -> Mapping[str, Callable[[], object]]:
    role = Role.PRIMARY.value
    return {
        "suspending": lambda: suspend(bed, role),
        "restarting": lambda: restart(bed, role),
        "crashing": lambda: crash(bed, role),
        "freezing": lambda: freeze(bed, role),
        "locking the store": lambda: lock_store(bed, role, Refused.WRITES),
        "killing the balancer": lambda: kill_balancer(bed),
        "disturbing the way": lambda: disturb(bed, role, Toxic("refused", "latency")),
    }


def _require_refused(name: str, fault: Callable[[], object], expected: type[VerdictError]) -> None:
    try:
        fault()
    except expected:
        return
    except VerdictError as error:
        raise NotMet(f"{name} without permission was refused for another reason: {error.sentence}") from None
    raise NotMet(f"{name} was done without permission")
