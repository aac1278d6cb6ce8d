"""The proxies between the balancer and each instance: faults on the way, and what was seen on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from .testbed import Testbed
from .verdict import CouldNotObserve, NotTested
from .wire import Wire


@dataclass(frozen=True)
class Toxic:
    """A fault on the way, in Toxiproxy's words.

    Attributes:
        type: latency, timeout, reset_peer, down, lost_reply, status or truncate.
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


@contextmanager
def toxic(bed: Testbed, role: str, wanted: Toxic) -> Iterator[str]:
    """Put a fault between the balancer and an instance, and take it away at the end; gives its name.

    Raises:
        NotTested: if there is no proxy there.
    """
    bed.require_faults()
    control = _control(bed, role)
    body = {
        **{"name": wanted.name, "type": wanted.type, "attributes": dict(wanted.attributes)},
        **{"path": wanted.path, "first": wanted.first, "every": wanted.every},
    }
    entry = bed.undo.register_toxic(control.url, role, wanted.name)
    reply = control.call("POST", "/toxics", payload=body)
    if reply.status != 201:
        raise CouldNotObserve(f"the proxy of the {role} refused the fault: {reply.text}")
    try:
        yield wanted.name
    finally:
        entry.undo()
        bed.undo.resolve(entry)


def hits(bed: Testbed, role: str, name: str) -> Hits:
    """Return what a toxic has met so far."""
    answer = _control(bed, role).get("/toxics").json()
    for item in answer if isinstance(answer, list) else []:
        if isinstance(item, dict) and item.get("name") == name:
            return Hits(int(item["hits"]), int(item["passed"]))
    raise CouldNotObserve(f"the proxy of the {role} has no fault {name}")


def _control(bed: Testbed, role: str) -> Wire:
    url = bed.environment.proxies.get(role)
    if url is None:
        raise NotTested(
            f"the environment {bed.environment.name} has no fault proxy between the balancer and the {role}; "
            "python -m stack up --with-proxies has"
        )
    return Wire(f"the proxy of the {role}", url)
