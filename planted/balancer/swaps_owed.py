"""Shows what the one instance owes as what the other one owes."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.replication import Replication

EXPECTED = Expected("BLIND-GAUGE", {"WAL-2": "replica"}, also=OUTAGES)


def plant() -> None:
    honest = Replication.pending
    other = {"primary": "replica", "replica": "primary"}

    def pending(self: Replication, instance: str) -> int:
        return honest(self, other[instance])

    Replication.pending = pending  # type: ignore[method-assign]
