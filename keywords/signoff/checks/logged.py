"""The write-ahead log, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from ..clients.database import LogRow
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..traffic import Distribution, distribution
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count, duration, listing, shortened
from . import contents

# What happened to a row is written behind the answer, but not far behind.
_MARKS_WITHIN = timedelta(seconds=5)


def hold_exactly(bed: Testbed, name: str, rows: int, path_end: str) -> None:
    """Check that the log has exactly so many rows of one kind for a collection.

    Args:
        path_end: how the path of the request ends: "/add"; "" for all.

    Raises:
        NotMet: if not.
    """
    bed.tracked(name)
    found = [row for row in bed.database.log_rows(name) if row.path.endswith(path_end)]
    if not found and rows:
        nothing = f"nothing was logged for {name}, and {count(rows, 'row')} should be"
        raise NotMet(VerdictClass.UNLOGGED.says(nothing))
    if len(found) != rows:
        wrong = VerdictClass.UNLOGGED if len(found) < rows else VerdictClass.DUPLICATED
        number = f"the log has {count(len(found), 'row')} for {name} ({path_end or 'all'}), and should have {rows}"
        raise NotMet(wrong.says(number))


def synced(bed: Testbed, name: str, within: timedelta) -> Distribution:
    """Wait until each row of a collection is synced, and see at once that both instances hold what it says.

    Returns:
        The times from executed to synced.

    Raises:
        NotMet: if nothing was logged, a row is not synced in time, or took longer, or an instance does not hold
            exactly what was acknowledged in the moment in which the log calls everything synced.
    """
    rows = poll(
        lambda: _rows(bed, name),
        lambda rows: all(row.is_history for row in rows),
        within=within,
        what=f"Each log row of {name} is synced",
        describe=_statuses,
        every=timedelta(milliseconds=20),
        verdict=VerdictClass.NOT_CONVERGED,
    )
    # The column is the log's own word, so the instances are asked before anything has time to come true.
    contents.hold_exactly(bed, [name], ROLES, timedelta(0))
    lags = []
    for row in rows:
        if row.status == "rejected":
            continue
        if row.executed_at is None or row.synced_at is None:
            silent = f"log row {row.seq} of {name} is synced, and does not say when it was executed and synced"
            raise NotMet(VerdictClass.FALSE_RECEIPT.says(silent))
        lags.append((row.synced_at - row.executed_at).total_seconds())
        if not row.created_at <= row.executed_at <= row.synced_at:
            order = f"the times of log row {row.seq} of {name} are out of order"
            raise NotMet(VerdictClass.FALSE_RECEIPT.says(order))
    figures = distribution(lags)
    if figures.longest > within.total_seconds():
        slow = f"a log row of {name} took {duration(figures.longest)} from executed to synced"
        raise NotMet(VerdictClass.TOO_SLOW.says(slow))
    return figures


def executed_on(bed: Testbed, role: str, name: str, at_least: int) -> None:
    """Wait until the log says that the last rows of a collection were executed by an instance."""
    wanted = bed.environment.dialect.instances[role]
    poll(
        lambda: _rows(bed, name)[-at_least:],
        lambda rows: len(rows) == at_least and all(row.executed_on == wanted for row in rows),
        within=_MARKS_WITHIN,
        what=f"The last {count(at_least, 'log row')} of {name} executed on the {role}",
        describe=lambda rows: _executed(rows, at_least),
    )


def _executed(rows: Sequence[LogRow], wanted: int) -> str:
    """Where rows were executed, in words. What is not said is not logged; what is said otherwise is not true."""
    places = Counter(row.executed_on for row in rows)
    said = ", ".join(f"{number} on {place or 'none'}" for place, number in places.items())
    unlogged = len(rows) < wanted or None in places
    return (VerdictClass.UNLOGGED if unlogged else VerdictClass.FALSE_RECEIPT).says(said)


def none_failed(bed: Testbed, names: Sequence[str]) -> int:
    """Check that no row of these collections is failed; return how many rows there are."""
    if not names:
        raise CouldNotObserve("no collection is named, so nothing would be checked")
    number = 0
    for name in names:
        rows = _rows(bed, name)
        number += len(rows)
        if failed := [row for row in rows if row.status == "failed"]:
            first = shortened(failed[0].error_message or "without a reason")
            given_up = f"{count(len(failed), 'log row')} of {name} failed; the first one: {first}"
            raise NotMet(VerdictClass.NOT_CONVERGED.says(given_up))
    return number


def has_columns(bed: Testbed, table: str, columns: Sequence[str]) -> None:
    """Check that a table is there and has these columns."""
    if not columns:
        raise CouldNotObserve("no column is named, so nothing would be checked")
    present = bed.database.columns(table)
    if not present:
        raise NotMet(VerdictClass.BAD_SCHEMA.says(f"there is no table {table}"))
    if missing := [column for column in columns if column not in present]:
        raise NotMet(VerdictClass.BAD_SCHEMA.says(f"the table {table} lacks {listing(missing)}"))


def _rows(bed: Testbed, name: str) -> list[LogRow]:
    bed.tracked(name)
    rows = bed.database.log_rows(name)
    if not rows:
        raise NotMet(VerdictClass.UNLOGGED.says(f"nothing was logged for {name}"))
    return rows


def _statuses(rows: Sequence[LogRow]) -> str:
    return listing([f"{number} {status}" for status, number in Counter(row.status for row in rows).items()])
