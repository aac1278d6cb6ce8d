"""What the log says of some documents of a collection: its rows, followed in their order. Pure."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from struct import pack
from typing import Any

import orjson

from .operations import Action


@dataclass(frozen=True)
class Document:
    """A document, so that two of them are equal just if an instance that holds the one may as well hold the other.

    Attributes:
        embedding: 32-bit floats, one after the other.
        metadata: each value as JSON, since 1 and 1.0 are two values.
    """

    embedding: bytes
    text: str | None
    metadata: Mapping[str, bytes]
    uri: str | None


def documents_of(page: Mapping[str, Any]) -> dict[str, Document]:
    """Return the documents of an instance's answer to "get", by id."""
    columns = {name: page.get(name) or [None] * len(page["ids"]) for name in ("documents", "metadatas", "uris")}
    rows = zip(page["ids"], page["embeddings"], *columns.values(), strict=True)
    return {id: Document(_floats(numbers), text, _values(data), uri) for id, numbers, text, data, uri in rows}


class Expected:
    """Follows the rows of one collection.

    Of documents that were there when a deletion by a condition came it cannot tell: whether they met the condition is
    known to the instances alone. Nor can it of any, before it has seen the collection being created.

    Args:
        ids: the documents in question.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = frozenset(ids)
        self._documents: dict[str, Document] = {}
        self._untold = set(self._ids)
        self._created = False
        self.seq = 0
        """The last row that was followed."""

    def tells(self, id: str) -> bool:
        """Whether the log decides about a document."""
        return id not in self._untold

    def document(self, id: str) -> Document | None:
        """Return a document that the log tells of, None if it says that there is no such."""
        return self._documents.get(id)

    def follow(self, seq: int, action: Action, body: bytes) -> None:
        """Take the next row that an instance has executed."""
        self.seq = seq
        payload = orjson.loads(body) if body else {}
        match action:
            # One that only gets what is there is no beginning.
            case Action.CREATE_COLLECTION if not self._created:
                self._created = True
                self._untold.clear()
            case Action.DELETE_DOCUMENTS:
                self._delete({name: value for name, value in payload.items() if value is not None})
            case Action.ADD | Action.UPSERT | Action.UPDATE:
                self._write(action, payload)
            case _:
                pass

    def _delete(self, payload: Mapping[str, Any]) -> None:
        named = self._ids.intersection(payload["ids"]) if "ids" in payload else self._ids
        if set(payload) == {"ids"}:
            self._untold -= named
            for id in named:
                self._documents.pop(id, None)
        else:
            self._untold |= named & set(self._documents)

    def _write(self, action: Action, payload: Mapping[str, Any]) -> None:
        ids = payload["ids"]
        columns = [payload.get(name) or [None] * len(ids) for name in ("embeddings", "documents", "metadatas", "uris")]
        for id, numbers, text, data, uri in zip(ids, *columns, strict=True):
            if id not in self._ids or id in self._untold:
                continue
            there = self._documents.get(id)
            if there is None:
                if action is not Action.UPDATE:
                    self._documents[id] = Document(_floats(numbers), text, _values(data), uri)
            elif action is not Action.ADD:
                self._documents[id] = replace(
                    there,
                    embedding=there.embedding if numbers is None else _floats(numbers),
                    text=there.text if text is None else text,
                    metadata=_values(dict(there.metadata) | (data or {})),
                    uri=there.uri if uri is None else uri,
                )


def _floats(numbers: Any) -> bytes:
    if isinstance(numbers, str):
        return b64decode(numbers)
    return pack(f"<{len(numbers)}f", *numbers) if numbers is not None else b""


def _values(metadata: Mapping[str, Any] | None) -> dict[str, bytes]:
    """Return metadata with each value as JSON; a value of null removes its key."""
    items = (metadata or {}).items()
    return {k: v if isinstance(v, bytes) else orjson.dumps(v) for k, v in items if v is not None}
