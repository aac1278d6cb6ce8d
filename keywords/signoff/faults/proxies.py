"""The proxies between the balancer and what it needs: faults on the way, and what was seen on the way."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from ..clients.wire import Wire
from ..history import FaultKind, on_the_way_to
from ..polling import poll
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, NotTested
from ..words import count

_MET_WITHIN = timedelta(seconds=10)
KINDS: Mapping[str, FaultKind] = {
    "latency": FaultKind.SLOW,
    "timeout": FaultKind.BLACK_HOLE,
    "reset_peer": FaultKind.RESET,
    "lost_reply": FaultKind.REPLY_LOST,
    "status": FaultKind.WRONG_STATUS,
    "truncate": FaultKind.WRONG_BODY,
    "garble": FaultKind.WRONG_BODY,
}


@dataclass(frozen=True)
class Toxic:
    """A fault on the way, in Toxiproxy's words.

    Attributes:
        type: latency, timeout, reset_peer, lost_reply, status, truncate or garble.
        attributes: the type's own values, e.g. ``latency`` in ms.
        path: a part of the path of the requests it is for; "" for all.
        first: only the first so many of them; 0 for all.
        every: only each so-many-th of them.
    """

    name: str
    type: str
    attributes: Mapping[str, int] = field(default_factory=dict)
    path: str = ""
    first: int = 0
    every: int = 1


@dataclass(frozen=True)
class Hits:
    """How many requests a toxic met, and how many of its kind it let pass."""

    met: int
    passed: int


def disturb(bed: Testbed, role: str, wanted: Toxic) -> int:
    """Put a fault between the balancer and an instance, postgres or slack, and prove that requests meet it.

    Returns:
        How many have met it by then.

    Raises:
        NotTested: if there is no proxy there.
        CouldNotObserve: if no request meets it.
    """
    begin_fault(bed, role, wanted)
    begin = time.monotonic()
    met = require_met(bed, role, wanted.name)
    evidence = f"{count(met, 'request')} met it on its way"
    bed.faults.proved(KINDS[wanted.type], on_the_way_to(role), begin, evidence)
    return met


def require_met(bed: Testbed, role: str, name: str) -> int:
    """Wait until a request has met a fault on its way, and return how many have.

    Raises:
        CouldNotObserve: if none does.
    """
    try:
        return poll(
            lambda: hits(bed, role, name).met,
            lambda number: number > 0,
            within=_MET_WITHIN,
            patient=True,
            every=timedelta(milliseconds=20),
            what=f"A request on the way to the {role} meets the fault {name}",
            describe=lambda number: f"{count(number, 'request')} met it",
        )
    except NotMet as error:
        raise CouldNotObserve(error.sentence) from None


def mend(bed: Testbed, role: str) -> int:
    """Take the fault on the way away, prove that it is gone, and return how many requests met it."""
    if role not in bed.poisoned:
        raise CouldNotObserve(f"the way to the {role} was not disturbed by this run")
    entry = bed.poisoned[role]
    listed = _listed(bed, role)
    met = listed[entry.name].met if entry.name in listed else 0  # the proxy may have refused it
    begin = time.monotonic()
    entry.undo()
    if entry.name in _listed(bed, role):
        raise CouldNotObserve(f"the proxy before the {role} keeps the fault {entry.name}")
    bed.undo.resolve(bed.poisoned.pop(role))
    bed.faults.restored(on_the_way_to(role), begin, "the proxy has it no more")
    return met


@contextmanager
def toxic(bed: Testbed, role: str, wanted: Toxic) -> Iterator[str]:
    """Put a fault on the way for a while, whether a request meets it or not; gives its name.

    Raises:
        NotTested: if there is no proxy there.
    """
    begin_fault(bed, role, wanted)
    try:
        yield wanted.name
    finally:
        mend(bed, role)


def faults_on_the_way(bed: Testbed, role: str) -> list[str]:
    """Return the names of the faults that the proxy before an instance has now, whoever gave it them."""
    return list(_listed(bed, role))


def hits(bed: Testbed, role: str, name: str) -> Hits:
    """Return what a toxic has met so far."""
    listed = _listed(bed, role)
    if name not in listed:
        raise CouldNotObserve(f"the proxy before the {role} has no fault {name}")
    return listed[name]


def begin_fault(bed: Testbed, role: str, wanted: Toxic) -> None:
    """Put a fault on the way, whether a request meets it or not; :func:`hits` tells that later.

    Raises:
        NotTested: if there is no proxy there.
    """
    bed.require_faults()
    if role in bed.poisoned:
        raise CouldNotObserve(f"the way to the {role} has a fault already")
    control = _control(bed, role)
    body = {
        **{"name": wanted.name, "type": wanted.type, "attributes": dict(wanted.attributes)},
        **{"path": wanted.path, "first": wanted.first, "every": wanted.every},
    }
    bed.poisoned[role] = bed.undo.register_toxic(control.url, role, wanted.name)
    reply = control.call("POST", "/toxics", payload=body)
    if reply.status != 201:
        raise CouldNotObserve(f"the proxy before the {role} refused the fault: {reply.text}")


def _listed(bed: Testbed, role: str) -> dict[str, Hits]:
    answer = _control(bed, role).get("/toxics").json()
    if not isinstance(answer, list):
        raise CouldNotObserve(f"the proxy before the {role} does not list its faults")
    return {str(item["name"]): Hits(int(item["hits"]), int(item["passed"])) for item in answer}


def _control(bed: Testbed, role: str) -> Wire:
    url = bed.environment.proxies.get(role)
    if url is None:
        raise NotTested(
            f"the environment {bed.environment.name} has no fault proxy between the balancer and the {role}; "
            "python -m stack up --with-proxies has"
        )
    return Wire(f"the proxy before the {role}", url)
