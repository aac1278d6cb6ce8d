"""Drops the URIs of documents when a write is carried over to the other instance."""

from __future__ import annotations

from typing import Any

from planted.carrying_over import change_what_is_carried_over
from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.operations import DOCUMENT_WRITES

EXPECTED = Expected("MANGLED", {"DOC-5": "uri is null"}, also=CONTENTS)


def _drop(payload: dict[str, Any]) -> None:
    payload.pop("uris", None)


def plant() -> None:
    change_what_is_carried_over(DOCUMENT_WRITES, _drop)
