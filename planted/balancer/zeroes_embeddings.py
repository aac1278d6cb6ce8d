"""Zeroes the embeddings when a write is carried over to the other instance."""

from __future__ import annotations

import base64
from typing import Any

from planted.carrying_over import change_what_is_carried_over
from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.operations import DOCUMENT_WRITES

EXPECTED = Expected(
    "MANGLED",
    {"DOC-1": "differs on the replica: embedding"},
    also=CONTENTS,
    tests=("Every Kind Of Change Arrives Exactly",),
)


def _zero(vector: object) -> object:
    if isinstance(vector, str):
        return base64.b64encode(bytes(len(base64.b64decode(vector)))).decode()
    return [0.0] * len(vector) if isinstance(vector, list) else vector


def _zero_all(payload: dict[str, Any]) -> None:
    if payload.get("embeddings"):
        payload["embeddings"] = [_zero(vector) for vector in payload["embeddings"]]


def plant() -> None:
    change_what_is_carried_over(DOCUMENT_WRITES, _zero_all)
