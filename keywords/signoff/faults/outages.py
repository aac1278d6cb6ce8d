"""Ways in which an instance goes and comes back; each proves what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..data_types import Failing
from ..testbed import Testbed
from .control_plane import resume, suspend
from .locked_store import Refused
from .processes import crash, freeze, lock_store, thaw, unlock_store


@dataclass(frozen=True)
class Outage:
    """How an instance is taken away, and brought back; each proves what it did."""

    begin: Callable[[Testbed, str], object]
    end: Callable[[Testbed, str], object]


OUTAGES: Mapping[Failing, Outage] = {
    Failing.SUSPENDED: Outage(suspend, resume),
    Failing.CRASHED: Outage(crash, resume),
    Failing.FROZEN: Outage(freeze, thaw),
    Failing.UNABLE_TO_WRITE: Outage(lambda bed, role: lock_store(bed, role, Refused.WRITES), unlock_store),
    Failing.LOCKED: Outage(lambda bed, role: lock_store(bed, role, Refused.READS_AND_WRITES), unlock_store),
}
