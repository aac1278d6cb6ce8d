"""Whether the monitor measures: new rows, as often as promised, with numbers that can be true."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ..clients.database import Measurement
from ..faults.local_processes import family, main_process, memory_mb
from ..polling import poll
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet
from ..words import count, sentences

_ROLES = ("primary", "replica", "balancer", "postgres")
_MOST_PROCESSORS = 1024
_WITHIN_A_FACTOR = 3.0
"""Memory is measured at another moment, and pages that processes share can be counted in two ways."""


def keep_coming(bed: Testbed, intervals: int = 2) -> Measurement:
    """Wait for a row that is written from now on, and return it.

    Raises:
        NotMet: if none is written within so many intervals, or its numbers can't be true.
    """
    since = bed.database.now()
    rows = poll(
        lambda: bed.database.measurements(since),
        bool,
        within=intervals * bed.environment.settings.resource_check_interval,
        what=f"A new measurement is written within {count(intervals, 'interval')}",
        describe=lambda rows: count(len(rows), "new row"),
    )
    if found := implausible(rows, _largest_memory_mb(bed)):
        raise NotMet(f"a measurement can't be true: {sentences(found)}")
    return rows[-1]


def implausible(rows: Sequence[Measurement], largest_mb: float | None) -> list[str]:
    """Return what can't be true of measurements, in words.

    Args:
        largest_mb: what the fullest service uses, measured by ourselves; None if that can't be.
    """
    found = []
    for row in rows:
        if row.memory_usage_mb <= 0 or row.memory_percent <= 0:
            found.append(f"{row.memory_usage_mb:g} MB of memory are {row.memory_percent:g} %")
        elif largest_mb and not 1 / _WITHIN_A_FACTOR <= row.memory_usage_mb / largest_mb <= _WITHIN_A_FACTOR:
            found.append(f"{row.memory_usage_mb:.0f} MB of memory, and the fullest service uses {largest_mb:.0f} MB")
        if not 0 <= row.cpu_percent <= 100 * _MOST_PROCESSORS:
            found.append(f"{row.cpu_percent:g} % CPU")
        if row.active_collections < 0 or row.total_documents_synced < 0 or (row.avg_sync_time_seconds or 0) < 0:
            found.append("a negative number")
    if rows and not any(row.cpu_percent for row in rows) and len(rows) > 1:
        found.append(f"0 % CPU in {len(rows)} measurements")
    return found


def calm(bed: Testbed, rows: int) -> list[Measurement]:
    """Wait for so many new rows, and return them.

    Raises:
        CouldNotObserve: if they don't come: then nothing can be said of what they lead to.
    """
    since = bed.database.now()
    try:
        return poll(
            lambda: bed.database.measurements(since),
            lambda seen: len(seen) >= rows,
            within=(2 * rows + 2) * bed.environment.settings.resource_check_interval,
            what=f"{count(rows, 'measurement')} are written",
            describe=lambda seen: count(len(seen), "row"),
        )
    except NotMet as error:
        raise CouldNotObserve(error.sentence) from None


def _largest_memory_mb(bed: Testbed) -> float | None:
    """What the fullest service of this machine uses, asked of the kernel; None if they are not on this machine."""
    if bed.environment.local is None:
        return None
    sizes = []
    for role in _ROLES:
        with suppress(CouldNotObserve):  # one that is away uses nothing
            sizes.append(sum(map(memory_mb, family(main_process(bed.environment, role)))))
    return max(sizes, default=None)
