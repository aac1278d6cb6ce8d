"""Leaves a request that was refused for good as pending in the log, and shows it nowhere else."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import RETURNS, WORKLOADS
from stack.balancer.entries import Entry, State

EXPECTED = Expected(
    "NOT-CONVERGED",
    {"DOC-1": "in the log that says pending"},
    also=("PROD-2", "PROD-5", "MAP-1", "TXN-1", *WORKLOADS, *RETURNS),
)


def plant() -> None:
    honest = Entry.log_status

    def log_status(self: Entry, instances: int) -> str:
        return "pending" if self.state is State.REJECTED else honest(self, instances)

    Entry.log_status = log_status  # type: ignore[method-assign]
