"""A new collection, everywhere in time: one clock from the acknowledgement, for the instances and the mapping."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ..polling import poll
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass, summed_up
from ..words import duration
from . import mapping
from .contents import existence_findings

UNUSUAL: Mapping[str, Any] = {
    "hnsw": {"space": "cosine", "ef_construction": 150, "ef_search": 60, "max_neighbors": 24, "resize_factor": 1.5}
}
"""A configuration in which each value is another one than the server's own."""


def everywhere(bed: Testbed, name: str, within: timedelta) -> float:
    """Wait until a collection is on both instances as it was asked for, and mapped to both.

    Args:
        within: how long after the acknowledgement of its creation.

    Returns:
        The seconds from the acknowledgement to the look that found it so.

    Raises:
        CouldNotObserve: if the creation was not acknowledged to this run.
        NotMet: if it is not so in time.
    """
    acknowledged = bed.tracked(name).acknowledged_at
    if acknowledged is None:
        raise CouldNotObserve(f"nobody noted when the creation of {name} was acknowledged")
    began = acknowledged

    def look() -> list[str]:
        nonlocal began
        began = time.monotonic()
        wrong = existence_findings(bed, [name])
        # Without the collection on both instances there are no ids to compare a row with.
        return wrong or [VerdictClass.BAD_MAPPING.says(one) for one in mapping.findings(bed, [name])]

    poll(
        look,
        lambda found: not found,
        within=max(timedelta(0), within - timedelta(seconds=time.monotonic() - acknowledged)),
        what=f"{name} is on each instance exactly once, as it was created, and mapped to both",
        describe=lambda found: summed_up(found) or "so",
    )
    took = began - acknowledged
    if took > within.total_seconds():
        late = f"{name} was first seen whole {duration(took)} after the acknowledgement; allowed are {duration(within)}"
        raise NotMet(VerdictClass.TOO_SLOW.says(late))
    return took
