"""Cuts what is owed into full tasks, and forgets what is left over after the last of them."""

from __future__ import annotations

from collections.abc import Sequence

from planted.catalogue import Expected
from planted.reach import SYNC_WORKERS
from stack.sync import coordinator
from stack.sync.chunks import Chunk, OwedRow, cut

EXPECTED = Expected(
    "LOST",
    {"SYNC-1": "is missing on the replica"},
    also=SYNC_WORKERS,
    tests=("A Backlog Is Cut Into Tasks And Carried Out Once",),
)


def plant() -> None:
    def cut_full_ones(rows: Sequence[OwedRow], start: int, size: int) -> list[Chunk]:
        return [chunk for chunk in cut(rows, start, size) if chunk.end - chunk.start == size]

    vars(coordinator)["cut"] = cut_full_ones
