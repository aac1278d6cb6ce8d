"""Counts memory pressure, and sends batches as large as ever."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.resources import Resources

EXPECTED = Expected(
    "IGNORED-SETTING",
    {"MON-4": "the batch size is at most 25"},
    also=("PROD-1",),
    tests=("With Little Memory Batches Are Small",),
)


def plant() -> None:
    honest = Resources.sample

    def sample(self: Resources) -> None:
        size = self.batch_size
        honest(self)
        self.batch_size = size

    Resources.sample = sample  # type: ignore[method-assign]
