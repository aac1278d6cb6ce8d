"""How reads are shared between the instances: by a document that tells who answered, and by the balancer's counters.

The counters are the balancer's own word. So there is a witness: a document that is written differently on each instance
directly, behind the balancer's back, in a collection that serves nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from ..clients.instances import COLLECTIONS
from ..documents import make_documents, payload
from ..faults.guard import Use
from ..faults.probing import PROBE_TIMEOUT
from ..ledger import Kind
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..verdict import CouldNotObserve, NotMet
from ..words import sentences, shortened
from .contents import create, hold_exactly, write
from .load import known_documents, read_correctly


def counted(bed: Testbed, name: str, reads: int) -> str:
    """Check that the counters move by exactly the reads that are made, and stand still without any.

    Returns:
        The measured figures, in words.
    """
    _require_alone(bed)
    moved = _moved_by(bed, name, reads)
    if sum(moved.values()) != reads:
        raise NotMet(f"{reads} reads moved the request counters by {sum(moved.values())}: {_in_words(moved)}")
    if problem := _share_problem(bed, moved, bed.environment.settings.read_replica_ratio):
        raise NotMet(problem)
    before = _counters(bed)
    _wait_for_health_checks(bed)
    idle = {role: number - before[role] for role, number in _counters(bed).items()}
    if any(idle.values()):
        raise NotMet(f"without a request, health checks moved the request counters: {_in_words(idle)}")
    return f"{reads} reads counted as {_in_words(moved)}; health checks as 0"


def share(bed: Testbed, name: str, expected: float | None, reads: int) -> tuple[str, str]:
    """Check the replica's share of the reads.

    Args:
        expected: the share from 0 to 1; None for the configured one.

    Returns:
        The measured figures and what they were held to, in words.
    """
    _require_alone(bed)
    ratio = bed.environment.settings.read_replica_ratio if expected is None else expected
    if not 0 <= ratio <= 1:
        raise CouldNotObserve(f"a share of {ratio:g} can't be: 0 to 1 are allowed")
    read_correctly(bed, name, min(reads, 20))
    witness = _witness(bed)
    before = _counters(bed)
    told = _witnessed(bed, witness, reads)
    moved = {role: number - before[role] for role, number in _counters(bed).items()}
    if moved != told:
        raise NotMet(
            f"the documents themselves tell {_in_words(told)}, and the balancer counts {_in_words(moved)}; "
            f"{_context(bed, name)}"
        )
    allowed = f"share of the replica {ratio:.0%}" + (f" ± {_tolerance(ratio, reads):.1%}" if 0 < ratio < 1 else "")
    if problem := _share_problem(bed, told, ratio):
        raise NotMet(f"{problem}; {_context(bed, name)}")
    return f"the replica answered {moved['replica']} of {reads} reads ({moved['replica'] / reads:.0%})", allowed


def _witness(bed: Testbed) -> str:
    """Create a collection whose only document says on each instance that can be reached which one it is."""
    name = bed.fresh_name("witness")
    create(bed, name, None)
    document = make_documents("witness", 1)[0]
    write(bed, Kind.ADD, name, [document])
    answering = [role for role in ROLES if _answers(bed, role)]
    hold_exactly(bed, [name], answering, bed.environment.limits.sync_lag_max)
    _wait_until_in_line(bed)
    for role in answering:
        instance = bed.instance(role)
        body = payload([replace(document, text=role)])
        reply = instance.wire.call("POST", f"{COLLECTIONS}/{instance.uuid_of(name)}/upsert", payload=body)
        if reply.status != 200:
            raise CouldNotObserve(f"the witness can't be written to the {role}: {reply.text}")
    return name


def _answers(bed: Testbed, role: str) -> bool:
    try:
        bed.ask(role, PROBE_TIMEOUT)
    except CouldNotObserve:
        return False
    return True


def _witnessed(bed: Testbed, name: str, reads: int) -> dict[str, int]:
    """Read the witness through the balancer, and return how often each instance answered."""
    tracked = bed.tracked(name)
    told = dict.fromkeys(ROLES, 0)
    for number in range(1, reads + 1):
        try:
            found = bed.through_balancer.documents_by_reference(tracked.id)
        except CouldNotObserve as error:
            raise NotMet(f"read {number} of {reads} failed: {error.sentence}") from None
        texts = [document.text for document in found.values()]
        if len(texts) != 1 or texts[0] not in told:
            raise NotMet(f"read {number} of {reads} was answered with {texts}, which is on neither instance")
        told[texts[0]] += 1
    return told


def _share_problem(bed: Testbed, moved: Mapping[str, int], ratio: float) -> str:
    reads = sum(moved.values())
    observed = moved["replica"] / reads
    if abs(observed - ratio) <= _tolerance(ratio, reads) + 1e-9:
        return ""
    return (
        f"the replica answered {moved['replica']} of {reads} reads ({observed:.1%}); "
        f"{ratio:.0%} ± {_tolerance(ratio, reads):.1%} are expected"
    )


def _tolerance(ratio: float, reads: int) -> float:
    return 3 * math.sqrt(ratio * (1 - ratio) / reads)


def _moved_by(bed: Testbed, name: str, reads: int) -> dict[str, int]:
    known_documents(bed, name)
    _wait_until_in_line(bed)
    before = _counters(bed)
    read_correctly(bed, name, reads)
    return {role: number - before[role] for role, number in _counters(bed).items()}


def _wait_until_in_line(bed: Testbed) -> None:
    """Wait until no healthy instance has to apply what was just written: until then it rightly serves no reads."""
    try:
        poll(
            lambda: sum(i.pending_writes for i in bed.balancer.status().instances.values() if i.healthy),
            lambda pending: pending == 0,
            within=bed.environment.limits.sync_lag_max,
            what="The healthy instances owe nothing",
            describe=lambda pending: f"{pending} writes pending",
        )
    except NotMet as error:
        raise CouldNotObserve(error.sentence) from None


def _counters(bed: Testbed) -> dict[str, int]:
    instances = bed.balancer.status().instances
    return {role: instances[role].request_count for role in ROLES}


def _wait_for_health_checks(bed: Testbed, checks: int = 2) -> None:
    """Wait until each instance was checked a few times."""
    seen: dict[str, set[object]] = {role: set() for role in ROLES}

    def look() -> int:
        for role, instance in bed.balancer.status().instances.items():
            if role in seen:
                seen[role].add(instance.last_health_check)
        return min(len(times) for times in seen.values())

    interval = bed.environment.settings.check_interval
    try:
        poll(
            look,
            lambda number: number > checks,
            within=10 * checks * interval + timedelta(seconds=2),
            every=interval / 4,
            what=f"Each instance is checked {checks} times",
            describe=lambda number: f"{number - 1} checks",
        )
    except NotMet as error:
        raise CouldNotObserve(error.sentence) from None


def _require_alone(bed: Testbed) -> None:
    if bed.guard.use is not Use.ALONE:
        raise CouldNotObserve(
            "others may be reading, so requests can't be counted; "
            "give the suite   Suite Setup    Use The Deployment Alone"
        )


def _context(bed: Testbed, name: str) -> str:
    """Return what helps to understand a failure: the status and the last errors in the log."""
    errors = [
        f"{row.method} {shortened(row.path, 60)}: {shortened(row.error_message, 100)}"
        for row in bed.database.log_rows(name)
        if row.error_message
    ][-3:]
    return f"status: {bed.balancer.status()}; last errors in the log: {sentences(errors) or 'none'}"


def _in_words(moved: Mapping[str, int]) -> str:
    return ", ".join(f"{number} on the {role}" for role, number in moved.items())
