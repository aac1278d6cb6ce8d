"""Carries out the rows of a task from the last one to the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from planted.catalogue import Expected
from planted.reach import SYNC_WORKERS
from stack.sync import worker
from stack.sync.chunks import Piece, Row, pieces

EXPECTED = Expected("ROLLED-BACK", {"SYNC-2": "has an earlier content on the replica"}, also=SYNC_WORKERS)


def plant() -> None:
    def turned(rows: Sequence[Row], first_document: int, length: int, done: int) -> Iterator[Piece]:
        return reversed(list(pieces(rows, first_document, length, done)))

    vars(worker)["pieces"] = turned
