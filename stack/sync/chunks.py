"""How owed log rows become chunks of documents, and a chunk the requests that carry it out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from ..balancer.batching import repeatable
from ..balancer.operations import Action


@dataclass(frozen=True)
class OwedRow:
    """A log row that a target has not applied, and of how many documents it speaks."""

    seq: int
    documents: int


@dataclass(frozen=True)
class Chunk:
    """Consecutive documents of owed rows.

    Attributes:
        start, end: offsets of the first document, and of the one after the last.
        seqs: the rows they are in.
        first_document: which document of the first row the chunk begins with, from 0.
    """

    start: int
    end: int
    seqs: tuple[int, ...]
    first_document: int


@dataclass(frozen=True)
class Row:
    """A log row with what it asks for."""

    seq: int
    action: Action
    body: bytes


@dataclass(frozen=True)
class Piece:
    """What is left to do of a row within a chunk, as a request.

    Attributes:
        completes: whether nothing of the row is left after it.
        repeatable: whether it may be sent again after what followed it.
    """

    seq: int
    action: Action
    body: bytes
    documents: int
    completes: bool
    repeatable: bool


def documents_in(action: Action, body: bytes) -> int:
    """Return of how many documents a row speaks. A deletion by a condition counts as one: it can't be divided."""
    return len(_divisible(action, body) or "1")


def _divisible(action: Action, body: bytes) -> list[str] | None:
    payload = orjson.loads(body) if body else None
    if not isinstance(payload, dict) or not isinstance(payload.get("ids"), list) or not payload["ids"]:
        return None
    if action is Action.DELETE_DOCUMENTS and set(payload) != {"ids"}:
        return None
    ids: list[str] = payload["ids"]
    return ids


def cut(rows: Sequence[OwedRow], start: int, size: int) -> list[Chunk]:
    """Cut rows into chunks, without a gap and without an overlap.

    Args:
        rows: in the order of the log.
        start: the offset of the first document.
        size: documents in a chunk; the last one may have fewer.
    """
    chunks: list[Chunk] = []
    seqs: list[int] = []
    begins_at, taken, offset = 0, 0, start
    for row in rows:
        left = row.documents
        while left:
            if not seqs:
                begins_at = row.documents - left
            part = min(left, size - taken)
            seqs.append(row.seq)
            taken += part
            left -= part
            if taken == size:
                chunks.append(Chunk(offset, offset + taken, tuple(seqs), begins_at))
                offset, taken, seqs = offset + taken, 0, []
    if seqs:
        chunks.append(Chunk(offset, offset + taken, tuple(seqs), begins_at))
    return chunks


def pieces(rows: Sequence[Row], first_document: int, length: int, done: int) -> Iterator[Piece]:
    """Yield what is left to do of a chunk.

    Args:
        rows: the rows of the chunk, in order, all of them.
        first_document: as in :class:`Chunk`.
        length: how many documents the chunk has.
        done: how many of them are done already.
    """
    begin, end, offset = first_document + done, first_document + length, 0
    for row in rows:
        count = documents_in(row.action, row.body)
        first, last = max(begin - offset, 0), min(end - offset, count)
        offset += count
        if first >= last:
            continue
        body = row.body if last - first == count else _part(row.body, first, last)
        again = repeatable(row.action, body)
        yield Piece(row.seq, row.action, body, last - first, completes=last == count, repeatable=again)


def _part(body: bytes, first: int, last: int) -> bytes:
    """Return a request about some of a request's documents."""
    payload = orjson.loads(body)
    count = len(payload["ids"])
    return orjson.dumps(
        {
            name: column[first:last] if isinstance(column, list) and len(column) == count else column
            for name, column in payload.items()
        }
    )
