"""Leaves the last document out where it joins several writes into one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer import replication
from stack.balancer.batching import merge
from stack.balancer.operations import Action

EXPECTED = Expected(
    "LOST",
    {"WAL-3": "is missing on the"},
    also=("WAL-1", *CONTENTS),
    tests=("Five Hundred Owed Writes Are In Sync Within The Lag Limit",),
)


def plant() -> None:
    def joined(rows: Sequence[tuple[Action, bytes]], limit: int, **more: Any) -> tuple[int, bytes]:
        count, body = merge(rows, limit, **more)
        if count > 1:
            body = orjson.dumps({name: column[:-1] for name, column in orjson.loads(body).items()})
        return count, body

    replication.merge = joined  # type: ignore[attr-defined]
