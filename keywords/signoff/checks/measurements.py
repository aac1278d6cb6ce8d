"""Whether the monitor measures: new rows, as often as promised, with numbers that can be true."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from ..clients.database import LogRow, Measurement
from ..faults.local_processes import family, main_process, memory_mb
from ..history import Stage
from ..polling import poll
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count, duration, sentences

_ROLES = ("primary", "replica", "balancer", "postgres")
_DATABASE = "postgres"
_MOST_PROCESSORS = 1024
_ONE_FALLS_DUE = 1.5
"""After so many intervals, wherever they began, a measurement has fallen due."""
_ROWS = 3
"""The first of these may have been begun before the work was done; two others follow."""
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
        verdict=VerdictClass.NO_MEASUREMENT,
    )
    if found := implausible(rows, _largest_memory_mb(bed)):
        raise NotMet(VerdictClass.NO_MEASUREMENT.says(f"a measurement can't be true: {sentences(found)}"))
    return rows[-1]


def settled(bed: Testbed) -> Measurement:
    """Return a measurement of a deployment where nothing is owed: two in a row that count the same.

    Raises:
        CouldNotObserve: if there are none.
    """
    rows = calm(bed, _ROWS)
    if _counted(rows[-1]) != _counted(rows[-2]) or bed.database.owed_rows():
        raise CouldNotObserve(f"two measurements in a row count {_counted(rows[-2])} and {_counted(rows[-1])}")
    return rows[-1]


def _counted(row: Measurement) -> tuple[int, int]:
    return row.active_collections, row.total_documents_synced


def count_the_work(bed: Testbed, before: Measurement, name: str, since: datetime) -> str:
    """Check that at least two new measurements count a collection, and every document written to it, and nothing else.

    Args:
        before: a measurement from before the collection was created.
        name: the collection; all of it has to be synced.
        since: by the server's clock, when nothing was owed any more.

    Raises:
        NotMet: if the figures are others than what was done.
        CouldNotObserve: if nothing was done.
    """
    written = documents_written(bed.database.log_rows(name))
    if not written:
        raise CouldNotObserve(f"nothing was written to {name}, so there is nothing to count")
    wanted = (len(bed.database.all_mappings()), before.total_documents_synced + written)
    rows = poll(
        lambda: bed.database.measurements(since),
        lambda rows: len(rows) >= _ROWS,
        within=(_ROWS + 2) * bed.environment.settings.resource_check_interval,
        what=f"{count(_ROWS, 'measurement')} are written",
        describe=lambda rows: count(len(rows), "row"),
        verdict=VerdictClass.NO_MEASUREMENT,
    )
    if found := miscounted(rows[1:], wanted):
        raise NotMet(VerdictClass.MISCOUNTED.says(sentences(found)))
    return f"{count(written, 'document')} and {count(wanted[0], 'collection')} counted by {len(rows)} measurements"


def documents_written(rows: Sequence[LogRow]) -> int:
    """Return how many documents the rows of a log name: each as often as it was written or deleted."""
    return sum(len(json.loads(row.data or "{}").get("ids") or ()) for row in rows if row.method == "POST")


def miscounted(rows: Sequence[Measurement], wanted: tuple[int, int]) -> list[str]:
    """Return which measurements count otherwise than they should, in words.

    Args:
        wanted: collections and documents synced.
    """
    return [
        f"a measurement counts {count(row.active_collections, 'collection')} and "
        f"{count(row.total_documents_synced, 'document')} synced, where there are {wanted[0]:,} and {wanted[1]:,}"
        for row in rows
        if _counted(row) != wanted
    ]


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


def fall_due(bed: Testbed) -> float:
    """Wait until a measurement has fallen due while the database is away; return how long it has been away, in seconds.

    Raises:
        CouldNotObserve: if the database is not suspended by this run.
    """
    away = _away_since(bed)
    interval = bed.environment.settings.resource_check_interval
    try:
        return poll(
            lambda: time.monotonic() - away,
            lambda seconds: seconds > _ONE_FALLS_DUE * interval.total_seconds(),
            within=2 * interval + timedelta(seconds=1),
            what="A measurement falls due while the database is away",
            describe=lambda seconds: f"away for {duration(seconds)}",
        )
    except NotMet as error:
        raise CouldNotObserve(error.sentence) from None


def missed(bed: Testbed) -> float:
    """Return the seconds between the last measurement before the database was away and the first one after it.

    Raises:
        CouldNotObserve: if none was missed: then nothing is known of a monitor that can't write one.
    """
    interval = bed.environment.settings.resource_check_interval
    offset = bed.database.clock_offset() - timedelta(seconds=time.monotonic())
    away = datetime.now().astimezone() + offset + timedelta(seconds=_away_since(bed, still=False))
    rows = [row.at for row in bed.database.measurements(away - 10 * interval)]
    before, after = [at for at in rows if at <= away], [at for at in rows if at > away]
    if not before or not after:
        raise CouldNotObserve("there is no measurement on each side of the outage of the database")
    gap = (after[0] - before[-1]).total_seconds()
    if gap <= _ONE_FALLS_DUE * interval.total_seconds():
        raise CouldNotObserve(f"no measurement was missed: {duration(gap)} between those around the outage")
    return gap


def _away_since(bed: Testbed, *, still: bool = True) -> float:
    moments = [event.at for event in bed.faults.events if event.target == _DATABASE and event.stage is Stage.PROVED]
    if not moments or (still and _DATABASE not in bed.suspended):
        raise CouldNotObserve("the database was not suspended by this run")
    return moments[-1]


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
