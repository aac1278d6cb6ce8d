"""How reads are shared between the instances: by a document that tells who answered, and by the balancer's counters.

The counters are the balancer's own word. So there is a witness: a document that is written differently on each instance
directly, behind the balancer's back, in a collection that serves nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from ..clients.instances import COLLECTIONS
from ..documents import make_documents, payload
from ..faults.guard import Use
from ..faults.probing import PROBE_TIMEOUT
from ..ledger import Kind
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import sentences, shortened
from .contents import create, hold_exactly, write
from .load import read_correctly

_ERRORS = 3
"""How many of the log's last errors a failure shows."""


def counted(bed: Testbed, name: str, reads: int) -> str:
    """Check that each counter moves by exactly the reads that its instance answered, and stands still without any.

    Returns:
        The measured figures, in words.
    """
    _require_alone(bed)
    read_correctly(bed, name, min(reads, 20))
    witness = _witness(bed)
    before = _counters(bed)
    tellers: list[str] = []
    _witness_reads(bed, witness, reads, tellers)
    told = _by_instance(tellers)
    moved = {role: number - before[role] for role, number in _counters(bed).items()}
    if moved != told:
        other = f"{reads} reads, answered by {_in_words(told)}, moved the request counters by {_in_words(moved)}"
        raise NotMet(VerdictClass.MISCOUNTED.says(other))
    if problem := _share_problem(bed, moved, bed.environment.settings.replica_share):
        raise NotMet(VerdictClass.IGNORED_SETTING.says(problem))
    before = _counters(bed)
    _wait_for_health_checks(bed)
    idle = {role: number - before[role] for role, number in _counters(bed).items()}
    if any(idle.values()):
        probes = f"without a request, health checks moved the request counters: {_in_words(idle)}"
        raise NotMet(VerdictClass.MISCOUNTED.says(probes))
    return f"{reads} reads counted as {_in_words(moved)}, as the documents themselves tell; health checks as 0"


def share(bed: Testbed, name: str, expected: float | None, reads: int) -> tuple[str, str]:
    """Check the replica's share of the reads.

    Args:
        expected: the share from 0 to 1; None for the configured one.

    Returns:
        The measured figures and what they were held to, in words.

    Raises:
        NotMet: with the status, the share so far and the last errors of the log, also when a read itself fails.
    """
    _require_alone(bed)
    ratio = bed.environment.settings.replica_share if expected is None else expected
    if not 0 <= ratio <= 1:
        raise CouldNotObserve(f"a share of {ratio:g} can't be: 0 to 1 are allowed")
    tellers: list[str] = []
    try:
        read_correctly(bed, name, min(reads, 20))
        witness = _witness(bed)
        before = _counters(bed)
        _witness_reads(bed, witness, reads, tellers)
        told = _by_instance(tellers)
        moved = {role: number - before[role] for role, number in _counters(bed).items()}
        if moved != told:
            counts = f"the documents themselves tell {_in_words(told)}, and the balancer counts {_in_words(moved)}"
            raise NotMet(VerdictClass.MISCOUNTED.says(counts))
        if problem := _share_problem(bed, told, ratio):
            raise NotMet(VerdictClass.IGNORED_SETTING.says(problem))
    except NotMet as error:
        raise NotMet(f"{error.sentence}; {_context(bed, _by_instance(tellers))}") from None
    allowed = f"share of the replica {ratio:.0%}" + (f" ± {_tolerance(ratio, reads):.1%}" if 0 < ratio < 1 else "")
    return f"the replica answered {moved['replica']} of {reads} reads ({moved['replica'] / reads:.0%})", allowed


def take_turns(bed: Testbed, name: str, reads: int) -> str:
    """Check that the instances answer reads in turns, none twice in a row.

    Raises:
        NotMet: if not, or a read is wrong.
    """
    _require_alone(bed)
    read_correctly(bed, name, min(reads, 20))
    tellers: list[str] = []
    _witness_reads(bed, _witness(bed), reads, tellers)
    if found := out_of_turn(tellers):
        raise NotMet(VerdictClass.IGNORED_SETTING.says(f"{found}; {_context(bed, _by_instance(tellers))}"))
    return f"{reads} reads answered in turns: {_in_words(_by_instance(tellers))}"


def out_of_turn(tellers: Sequence[str]) -> str:
    """Return in words where one instance answered twice in a row; "" if nowhere.

    Args:
        tellers: who answered each read, in their order.
    """
    twice = [number for number, (one, next) in enumerate(pairwise(tellers), 1) if one == next]
    if not twice:
        return ""
    return f"of {len(tellers)} reads the {tellers[twice[0]]} answered number {twice[0]} and the next one as well"


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


def _witness_reads(bed: Testbed, name: str, reads: int, tellers: list[str]) -> None:
    """Read the witness through the balancer, and note who answered each time.

    Args:
        tellers: takes the instances in their order, read by read, so that a failing one leaves what was seen before it.
    """
    tracked = bed.tracked(name)
    for number in range(1, reads + 1):
        try:
            found = bed.through_balancer.documents_by_reference(tracked.id)
        except CouldNotObserve as error:
            raise NotMet(bed.unserved().says(f"read {number} of {reads} failed: {error.sentence}")) from None
        texts = [document.text for document in found.values()]
        if len(texts) != 1 or texts[0] not in ROLES:
            strange = f"read {number} of {reads} was answered with {texts}, which is on neither instance"
            raise NotMet(VerdictClass.WRONG_ANSWER.says(strange))
        tellers.append(texts[0])


def _by_instance(tellers: Sequence[str]) -> dict[str, int]:
    return {role: tellers.count(role) for role in ROLES}


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


def _wait_until_in_line(bed: Testbed) -> None:
    """Wait until no healthy instance has to apply what was just written: until then it rightly serves no reads."""
    try:
        poll(
            lambda: sum(i.pending_writes for i in bed.balancer.status().instances.values() if i.healthy),
            lambda pending: pending == 0,
            within=bed.environment.limits.sync_lag_max,
            patient=True,
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
            patient=True,
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


def _context(bed: Testbed, told: Mapping[str, int]) -> str:
    """Return what helps to understand a failure: the status, the share so far, and the last errors of the whole log."""
    return "; ".join(
        (
            f"status: {_or_why_not(lambda: str(bed.balancer.status()))}",
            f"share so far: {_in_words(told)}",
            f"last errors in the log: {_or_why_not(lambda: _last_errors(bed))}",
        )
    )


def _last_errors(bed: Testbed) -> str:
    errors = [
        f"{row.method} {shortened(row.path, 60)} ({row.status}): {shortened(row.error_message, 100)}"
        for row in bed.database.last_errors(_ERRORS)
    ]
    return sentences(errors) or "none"


def _or_why_not(ask: Callable[[], str]) -> str:
    """Return an answer, or why there is none: what explains a failure must not hide it."""
    try:
        return ask()
    except CouldNotObserve as error:
        return f"not to be had ({error.sentence})"


def _in_words(moved: Mapping[str, int]) -> str:
    return ", ".join(f"{number} on the {role}" for role, number in moved.items())
