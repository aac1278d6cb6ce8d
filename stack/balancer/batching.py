"""Which neighbouring log rows can be applied as one request, and what that request is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from .operations import Action

# Columns of a batch: for each document a value or nothing.
_COLUMNS = ("documents", "metadatas", "uris")
_MERGEABLE = (Action.ADD, Action.UPSERT, Action.UPDATE)
# Chroma takes 40 MB; more than this at once gains nothing.
MOST_BYTES = 4 * 1024 * 1024


def repeatable(action: Action, data: bytes) -> bool:
    """Return whether a row may be applied again after rows that followed it, if those are applied again too.

    Adding, upserting and deleting by id may: for each document the last word is said again. Deleting what meets a
    condition may hit what came later, and updating may find a document that was not there the first time.
    """
    if action is Action.DELETE_DOCUMENTS:
        payload = orjson.loads(data) if data else {}
        return payload.get("where") is None and payload.get("where_document") is None
    return action in (Action.ADD, Action.UPSERT)


def may_follow(later: Action, *, repeatable: bool, earlier: Action, earlier_repeatable: bool) -> bool:
    """Return whether a row may be applied before an earlier one is known to be.

    If whoever applies them dies in between, the earlier row is applied again on top of the later one, and then the
    later one again.
    """
    if later is Action.UPDATE:
        return earlier_repeatable or earlier is Action.UPDATE
    return repeatable and earlier_repeatable


def _mergeable(payload: Any) -> bool:
    if not isinstance(payload, dict) or not set(payload) <= {"ids", "embeddings", *_COLUMNS}:
        return False
    ids, embeddings = payload.get("ids"), payload.get("embeddings")
    if not isinstance(ids, list) or not isinstance(embeddings, list) or len(embeddings) != len(ids):
        return False
    if not ids or not all(isinstance(i, str) for i in ids) or len(set(ids)) != len(ids):
        return False
    columns = (payload.get(name) for name in _COLUMNS)
    return all(column is None or (isinstance(column, list) and len(column) == len(ids)) for column in columns)


def _form(payload: dict[str, Any]) -> type:
    """Embeddings come as lists of numbers or as base64 strings; a request holds one form only."""
    return type(payload["embeddings"][0])


def _beginning(rows: Sequence[tuple[Action, bytes]], most_bytes: int) -> Sequence[tuple[Action, bytes]]:
    """Return as many of the first rows as are small enough together."""
    size = 0
    for index, (_, body) in enumerate(rows):
        size += len(body)
        if size > most_bytes:
            return rows[: max(index, 1)]
    return rows


def _merge_deletes(rows: Sequence[tuple[Action, bytes]], limit: int, most_bytes: int) -> tuple[int, bytes]:
    ids: list[str] = []
    count = 0
    for action, body in _beginning(rows, most_bytes):
        payload = orjson.loads(body) if action is Action.DELETE_DOCUMENTS else None
        # With a condition beside the ids it is another question: which of them meet it now.
        if not isinstance(payload, dict) or set(payload) != {"ids"} or not isinstance(payload["ids"], list):
            break
        if count and len(ids) + len(payload["ids"]) > limit:
            break
        ids += payload["ids"]
        count += 1
    if count < 2:
        return 1, rows[0][1]
    return count, orjson.dumps({"ids": ids})


def merge(
    rows: Sequence[tuple[Action, bytes]], limit: int, *, answered: bool, most_bytes: int = MOST_BYTES
) -> tuple[int, bytes]:
    """Return how many of the first rows go into one request, and its body.

    Args:
        rows: action and body of neighbouring log rows of one collection, in order; at least one.
        limit: most documents in a request that joins rows; one row alone may be larger.
        answered: the clients have their answers. Deletes are joined only then: each answer counts its own.
        most_bytes: most bytes of the rows that are joined; one row alone may be larger.

    Rows are joined only if that cannot be told apart from applying them one after the other: the same
    kind of write, no document named twice.
    """
    action, body = rows[0]
    if action is Action.DELETE_DOCUMENTS and answered:
        return _merge_deletes(rows, limit, most_bytes)
    if action not in _MERGEABLE or len(rows) == 1:
        return 1, body
    first = orjson.loads(body)
    if not _mergeable(first):
        return 1, body
    payloads, seen = [first], set(first["ids"])
    for following, data in _beginning(rows, most_bytes)[1:]:
        if following is not action:
            break
        payload = orjson.loads(data)
        if not _mergeable(payload) or _form(payload) is not _form(first):
            break
        if seen & set(payload["ids"]) or len(seen) + len(payload["ids"]) > limit:
            break
        seen |= set(payload["ids"])
        payloads.append(payload)
    if len(payloads) == 1:
        return 1, body
    joined: dict[str, Any] = {name: [x for p in payloads for x in p[name]] for name in ("ids", "embeddings")}
    for name in _COLUMNS:
        if any(p.get(name) is not None for p in payloads):
            joined[name] = [x for p in payloads for x in (p.get(name) or [None] * len(p["ids"]))]
    return len(payloads), orjson.dumps(joined)
