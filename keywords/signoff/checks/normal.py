"""Whether a deployment says that something is amiss while it is, and whether all is as usual soon after that."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from ..clients.balancer import Health
from ..documents import by_id, differences, make_documents
from ..history import FaultEvent, Stage
from ..ledger import Kind
from ..outcomes import Effect
from ..polling import poll
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count, duration, sentences
from .contents import create
from .health import direct_findings, pending

LIMIT = timedelta(seconds=60)
"""How soon after the end of whatever was wrong everything has to be as usual."""


def over_since(events: Sequence[FaultEvent], now: float) -> float:
    """Return when the last fault was proved to be over, in seconds of the monotonic clock; now if there was none.

    Args:
        events: every stage of every fault.

    Raises:
        CouldNotObserve: if one is still there.
    """
    ended = {event.fault for event in events if event.stage is Stage.RESTORED}
    if still := [event.fault for event in events if event.fault not in ended]:
        raise CouldNotObserve(f"the fault {still[0]} is still there, so nothing can be as usual")
    return max((event.at for event in events if event.stage is Stage.RESTORED), default=now)


def again(bed: Testbed) -> float:
    """Check that both instances are healthy, nothing is owed, and a write and a read work.

    A test that comes to it late finds all as usual at once.

    Returns:
        How long after the end of the last fault that was seen, in seconds.

    Raises:
        NotMet: if it is not so within :data:`LIMIT`.
    """
    begin = time.monotonic()
    since = over_since(bed.faults.events, begin)
    poll(
        lambda: _unusual(bed),
        lambda found: not found,
        within=timedelta(seconds=max(0.0, since + LIMIT.total_seconds() - begin)),
        what="Everything is normal again",
        describe=lambda found: sentences(found) or "so",
        verdict=VerdictClass.UNAVAILABLE,
    )
    _write_and_read(bed)
    if (late := time.monotonic() - max(since, begin)) > LIMIT.total_seconds():
        slow = f"a write and a read took {duration(late)} after all was mended; allowed are {duration(LIMIT)}"
        raise NotMet(VerdictClass.TOO_SLOW.says(slow))
    return time.monotonic() - since


def _unusual(bed: Testbed) -> list[str]:
    found = direct_findings(bed)
    health = bed.balancer.health()
    if (health.http_status, health.status, health.healthy_instances) != (200, "healthy", 2):
        found.append(_in_words(health))
    owed = {where: number for where, number in pending(bed).items() if number}
    return found + [f"{where}: {count(number, 'write')} owed" for where, number in owed.items()]


def _in_words(health: Health) -> str:
    return (
        f"/health answers {health.http_status} with {health.status}, {health.healthy_instances} of "
        f"{health.total_instances} instances healthy"
    )


def _write_and_read(bed: Testbed) -> None:
    name = bed.fresh_name("normal")
    create(bed, name, None)
    documents = make_documents(name, 1, token="normal")
    written = bed.write(bed.session("normal"), Kind.ADD, name, documents)
    if written.effect is not Effect.DONE:
        refused = f"after all was mended a write was answered with {written.answer_in_words}"
        raise NotMet(VerdictClass.UNAVAILABLE.says(refused))
    if wrong := differences(by_id(documents), bed.through_balancer.read_documents(name), " as the balancer reads it"):
        raise NotMet(VerdictClass.UNAVAILABLE.says(f"after all was mended {sentences(wrong)}"))


def degraded(bed: Testbed, within: timedelta) -> str:
    """Check that /health soon says that something is amiss, and that the deployment serves all the same.

    Raises:
        NotMet: if it doesn't.
    """
    seen = poll(
        bed.balancer.health,
        lambda health: (health.http_status, health.status) == (200, "degraded"),
        within=within,
        what="/health says that the deployment is degraded",
        describe=_in_words,
        verdict=VerdictClass.LYING_STATUS,
    )
    return _in_words(seen)
