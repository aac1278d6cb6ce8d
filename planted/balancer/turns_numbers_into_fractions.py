"""Turns each whole number in the metadata into a fraction when a write is carried over: 1 becomes 1.0."""

from __future__ import annotations

from typing import Any

from planted.carrying_over import change_what_is_carried_over
from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.operations import DOCUMENT_WRITES

EXPECTED = Expected(
    "MANGLED", {"DOC-1": "instead of 1"}, also=CONTENTS, tests=("Every Kind Of Change Arrives Exactly",)
)


def _fractions(metadata: dict[str, Any] | None) -> dict[str, Any] | None:
    if metadata is None:
        return None
    return {name: float(value) if type(value) is int else value for name, value in metadata.items()}


def _turn(payload: dict[str, Any]) -> None:
    if payload.get("metadatas"):
        payload["metadatas"] = [_fractions(metadata) for metadata in payload["metadatas"]]


def plant() -> None:
    change_what_is_carried_over(DOCUMENT_WRITES, _turn)
