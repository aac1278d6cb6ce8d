"""Cuts chunks that overlap by a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stack.sync import chunks, coordinator
from stack.sync.chunks import Chunk, OwedRow


def plant() -> None:
    honest = chunks.cut

    def cut(rows: Sequence[OwedRow], start: int, size: int) -> list[Chunk]:
        whole = honest(rows, start, size)
        return [*whole[:1], *(replace(chunk, start=chunk.start - 1) for chunk in whole[1:])]

    coordinator.cut = cut  # type: ignore[attr-defined]
