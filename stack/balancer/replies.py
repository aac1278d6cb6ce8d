"""Error answers, in the shape Chroma gives them, so that the official client raises the right exception."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import orjson

from .entries import Reply


def error(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None, **more: str) -> Reply:
    """Return an error answer.

    Args:
        status: HTTP status.
        kind: Chroma's name for the error, e.g. "NotFoundError".
        message: one sentence.
        headers: further headers.
        more: further fields of the body, e.g. the transaction id.
    """
    body = orjson.dumps({"error": kind, "message": message, **more})
    return Reply(status, body, {"content-type": "application/json", **(headers or {})})


def not_found(reference: str, *, by_id: bool) -> Reply:
    """Return Chroma's answer for a collection that is not there."""
    if by_id and not _is_uuid(reference):
        return error(400, "InvalidArgumentError", "Collection ID is not a valid UUIDv4")
    return error(404, "NotFoundError", f"Collection [{reference}] does not exist")


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
