"""Cuts chunks that overlap by a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from planted.catalogue import Expected
from planted.reach import SYNC_WORKERS
from stack.sync import chunks, coordinator
from stack.sync.chunks import Chunk, OwedRow

EXPECTED = Expected(
    "DUPLICATED",
    {"SYNC-1": "are in two tasks"},
    also=SYNC_WORKERS,
    tests=("A Backlog Is Cut Into Tasks And Carried Out Once",),
)


def plant() -> None:
    honest = chunks.cut

    def cut(rows: Sequence[OwedRow], start: int, size: int) -> list[Chunk]:
        whole = honest(rows, start, size)
        return [*whole[:1], *(replace(chunk, start=chunk.start - 1) for chunk in whole[1:])]

    coordinator.cut = cut  # type: ignore[attr-defined]
