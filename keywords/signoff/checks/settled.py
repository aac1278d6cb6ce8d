"""The log owes nothing: only now has every write had its turn on every instance, and what is there is what stays.

What must not happen can't be waited for. But a replay is a row of the log, so once the log owes nothing, whatever it
was to bring about is there; a good look before that proves nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from ..clients.database import SessionRow
from ..polling import poll
from ..testbed import Testbed
from ..verdict import VerdictClass, summed_up
from ..words import count, listing
from . import contents


def hold_exactly(bed: Testbed, names: Sequence[str], places: Sequence[str], within: timedelta) -> tuple[float, int]:
    """Wait until the log owes nothing for these collections, and then see at once that they are exact.

    Args:
        names: the collections.
        places: where to look: balancer, primary, replica.
        within: how long the log may owe something.

    Returns:
        The seconds until nothing was owed, and how many documents were compared.

    Raises:
        NotMet: if the log goes on owing, or a place does not hold exactly what was acknowledged when it doesn't.
    """
    took = owe_nothing(bed, names, within)
    _, number = contents.hold_exactly(bed, names, places, timedelta(0))
    return took, number


def owe_nothing(bed: Testbed, names: Sequence[str], within: timedelta) -> float:
    """Wait until no instance owes a row of these collections, by the log itself; return the seconds it took."""
    begin = time.monotonic()
    poll(
        lambda: owed(bed, names),
        lambda number: not number,
        within=within,
        what=f"The log owes nothing for {listing(list(names), 3)}",
        describe=lambda number: f"{count(number, 'row')} owed in the log",
        verdict=VerdictClass.NOT_CONVERGED,
    )
    return time.monotonic() - begin


def owed(bed: Testbed, names: Sequence[str]) -> int:
    """Return how many rows of these collections the log says some instance still owes."""
    return sum(row.is_owed for name in names for row in bed.database.log_rows(name))


def never_owed(bed: Testbed, sessions: Sequence[str], within: timedelta) -> None:
    """Wait until each request that was refused for good is rejected in the log, or has no row there.

    Args:
        sessions: their X-Session-IDs.
        within: how long a row may take to say so.
    """
    poll(
        lambda: refused_row_findings(bed.database.rows_of_sessions(sessions)),
        lambda found: not found,
        within=within,
        what=f"The log owes nothing of {count(len(sessions), 'refused request')}",
        describe=lambda found: summed_up(found) or "so",
    )


def refused_row_findings(rows: Sequence[SessionRow]) -> list[str]:
    """Return what is wrong with the log rows of requests that were all refused, in words with their classes."""
    found = []
    for (session, status), number in Counter((row.client_session, row.status) for row in rows).items():
        if status != "rejected":
            said = (
                f"the refused request with session {session} has {count(number, 'row')} in the log that says {status}"
            )
            owing = status in ("pending", "executed")
            found.append((VerdictClass.NOT_CONVERGED if owing else VerdictClass.PHANTOM).says(said))
    return found
