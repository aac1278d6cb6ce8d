"""Never lets the replica take a write that the primary has not taken."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import OUTAGES
from stack.balancer.entries import Entry
from stack.balancer.instance import Instance
from stack.balancer.replication import Lane, Replication

EXPECTED = Expected(
    "SLOW-FAILOVER", {"FAIL-1": "not acknowledged"}, also=OUTAGES, tests=("Work Goes On Without The Primary",)
)


def plant() -> None:
    honest = Replication._turn

    async def turn(self: Replication, lane: Lane, instance: Instance, entry: Entry) -> None:
        while instance.name == "replica" and not entry.settled:
            entry.moved.clear()
            await entry.moved.wait()
        await honest(self, lane, instance, entry)

    Replication._turn = turn  # type: ignore[method-assign]
