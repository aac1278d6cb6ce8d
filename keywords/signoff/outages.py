"""Ways in which an instance goes and comes back; each proves what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .data_types import Failing
from .faults import resume, suspend
from .locked_store import Refused
from .process_faults import crash, freeze, lock_store, thaw, unlock_store
from .testbed import Testbed


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
}
