"""Whether the size of batches follows the memory that is there, and everything still arrives."""

from __future__ import annotations

import time
from datetime import timedelta

from ..polling import poll
from ..testbed import Testbed
from ..traffic import Sampler
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count
from .configuration import owed_documents, requests_of_catch_up, resident_mb, setting

# A batch that is meant to be small is this part of the usual one at most.
SMALL = 8
# Catching up may take this much memory, in MB, beyond what the balancer had before.
GROWTH_MB = 48.0


def shrink(bed: Testbed) -> str:
    """Wait until the batch size is an eighth of the configured one, and memory pressure was counted.

    Raises:
        NotMet: if it doesn't shrink, or the metrics say something else than the status.
    """
    usual = _usual()
    seen = poll(
        bed.balancer.status,
        lambda status: status.batch_size <= max(1, usual // SMALL) and status.memory_pressure_events > 0,
        within=timedelta(seconds=10 + 16 * float(setting("RESOURCE_CHECK_INTERVAL"))),
        what=f"With little memory the batch size is at most {max(1, usual // SMALL)}, and pressure is counted",
        describe=lambda status: (
            f"batch size {status.batch_size}, pressure counted {count(status.memory_pressure_events, 'time')}"
        ),
        verdict=VerdictClass.IGNORED_SETTING,
    )
    poll(
        lambda: (
            bed.balancer.status(),
            bed.balancer.metric("batch_size"),
            bed.balancer.metric("memory_pressure_events"),
        ),
        # The status comes first, so the metrics may be a sample ahead.
        lambda told: told[1] <= told[0].batch_size and told[2] >= told[0].memory_pressure_events,
        within=timedelta(seconds=5),
        what="The metrics tell the batch size and the memory pressure of the status",
        describe=lambda told: (
            f"batch size {told[1]:g}, pressure {told[2]:g}; by the status {told[0].batch_size}, "
            f"{told[0].memory_pressure_events}"
        ),
        verdict=VerdictClass.MISCOUNTED,
    )
    return (
        f"batch size {seen.batch_size} instead of {usual}, pressure at {seen.memory_percent:.0f} % of the memory limit"
    )


def stay(bed: Testbed) -> str:
    """Check that, during several looks at the memory, the batch size is the configured one and no pressure is counted.

    Raises:
        NotMet: if not.
    """
    usual, looks = _usual(), 5
    status: Sampler[tuple[int, int]] = Sampler(lambda: _batches(bed))
    status.start()
    try:
        # Nothing is waited for here: it is watched that nothing happens.
        time.sleep(looks * float(setting("RESOURCE_CHECK_INTERVAL")))
    finally:
        samples = status.stop(last_look=True)
    for sample in samples:
        if sample.value is None:
            raise CouldNotObserve("the status was not answered throughout")
        size, events = sample.value
        if size != usual or events:
            counted = f"and pressure was counted {count(events, 'time')}"
            raise NotMet(
                VerdictClass.IGNORED_SETTING.says(
                    f"with much memory the batch size was {size} instead of {usual}, {counted}"
                )
            )
    return f"batch size {usual} and no pressure in {count(len(samples), 'look')}"


def _batches(bed: Testbed) -> tuple[int, int]:
    status = bed.balancer.status()
    return status.batch_size, status.memory_pressure_events


def _usual() -> int:
    return int(setting("DEFAULT_BATCH_SIZE"))


def catch_up_small(bed: Testbed, name: str) -> str:
    """Let the replica, which is suspended and owes documents, return; watch the requests and the balancer's memory.

    Raises:
        NotMet: if there were fewer requests than batches of the size in the status need, or the memory grew too much.
        NotTested: if the balancer's processes are not on this machine.
    """
    owed, size = owed_documents(bed, name), bed.balancer.status().batch_size
    if owed < 2 * size:
        raise CouldNotObserve(f"the replica owes {count(owed, 'document')}, too few to tell batches of {size}")
    before = resident_mb(bed)
    memory: Sampler[float] = Sampler(lambda: resident_mb(bed))
    memory.start()
    try:
        met = requests_of_catch_up(bed, name)
    finally:
        samples = memory.stop(last_look=True)
    most = max(sample.value for sample in samples if sample.value is not None)
    if met * size < owed:
        few = f"{owed} owed documents came in {count(met, 'request')}, and a batch had {size} at most"
        raise NotMet(VerdictClass.IGNORED_SETTING.says(few))
    if most > before + GROWTH_MB:
        grew = f"the balancer grew from {before:.0f} to {most:.0f} MB while the replica caught up"
        raise NotMet(VerdictClass.OVER_BUDGET.says(grew))
    return f"{owed} owed documents came in {count(met, 'request')}, with {most:.0f} MB at most ({before:.0f} before)"


def catch_up_large(bed: Testbed, name: str) -> str:
    """Let the replica return as in :func:`catch_up_small`; neighbouring writes must go together.

    Raises:
        NotMet: if there was more than one request for eight documents.
    """
    owed = owed_documents(bed, name)
    if owed < 4 * SMALL:
        raise CouldNotObserve(f"the replica owes {count(owed, 'document')}, too few to tell large batches")
    met = requests_of_catch_up(bed, name)
    if met * SMALL > owed:
        many = f"with much memory {owed} owed documents came in {count(met, 'request')}"
        raise NotMet(VerdictClass.IGNORED_SETTING.says(many))
    return f"{owed} owed documents came in {count(met, 'request')}"
