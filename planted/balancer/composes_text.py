"""Brings texts into another form of Unicode when they are carried over: they look the same, and are not.

Apple's HFS+ did so with names of files, and every program that compared them by bytes had to learn of it.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from planted.carrying_over import change_what_is_carried_over
from planted.catalogue import Expected
from planted.reach import CONTENTS
from stack.balancer.operations import DOCUMENT_WRITES

EXPECTED = Expected("MANGLED", {"DOC-5": "document text composed was added"}, also=CONTENTS)


def _compose(payload: dict[str, Any]) -> None:
    if payload.get("documents"):
        payload["documents"] = [text and unicodedata.normalize("NFC", text) for text in payload["documents"]]


def plant() -> None:
    change_what_is_carried_over(DOCUMENT_WRITES, _compose)
