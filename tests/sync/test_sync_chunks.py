"""Chunks: without a gap, without an overlap, and together what the rows say."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from stack.balancer.operations import Action
from stack.sync.chunks import OwedRow, Row, cut, documents_in, pieces

Sizes = st.lists(st.integers(1, 30), max_size=12)


def _rows(sizes: list[int]) -> list[Row]:
    return [Row(10 * n, Action.UPSERT, _body([f"{n}-{i}" for i in range(size)])) for n, size in enumerate(sizes)]


def _body(ids: list[str]) -> bytes:
    columns = {"embeddings": [[float(len(i))] for i in ids], "documents": [f"text of {i}" for i in ids], "uris": None}
    return orjson.dumps({"ids": ids, **columns})


@given(Sizes, st.integers(0, 5000), st.integers(1, 40))
def test_chunks_follow_each_other_and_are_full_but_for_the_last(sizes: list[int], start: int, size: int) -> None:
    chunks = cut([OwedRow(n, count) for n, count in enumerate(sizes)], start, size)
    ends = [start, *(chunk.end for chunk in chunks)]
    assert [chunk.start for chunk in chunks] == ends[:-1]
    assert ends[-1] == start + sum(sizes)
    assert all(chunk.end - chunk.start == size for chunk in chunks[:-1])
    assert all(0 < chunk.end - chunk.start <= size for chunk in chunks[-1:])


@given(Sizes, st.integers(1, 40), st.data())
def test_the_pieces_of_all_chunks_are_the_documents_of_all_rows(
    sizes: list[int], size: int, data: st.DataObject
) -> None:
    rows = _rows(sizes)
    seen: list[dict[str, Any]] = []
    completed: list[int] = []
    for chunk in cut([OwedRow(row.seq, documents_in(row.action, row.body)) for row in rows], 0, size):
        own = [row for row in rows if row.seq in chunk.seqs]
        length = chunk.end - chunk.start
        # Whoever takes a task over begins where the last one got to.
        done = data.draw(st.integers(0, length))
        before = list(pieces(own, chunk.first_document, done, 0))
        after = list(pieces(own, chunk.first_document, length, done))
        assert sum(piece.documents for piece in before) == done
        for piece in (*before, *after):
            payload = orjson.loads(piece.body)
            seen += [
                {"id": i, "embedding": e, "text": t}
                for i, e, t in zip(payload["ids"], payload["embeddings"], payload["documents"], strict=True)
            ]
        completed += [piece.seq for piece in (*before, *after) if piece.completes]
    ids = [i for row in rows for i in orjson.loads(row.body)["ids"]]
    assert seen == [{"id": i, "embedding": [float(len(i))], "text": f"text of {i}"} for i in ids]
    assert completed == [row.seq for row in rows]


def test_what_cannot_be_divided_counts_as_one() -> None:
    deletion = orjson.dumps({"ids": ["a", "b"], "where": {"k": 1}})
    assert documents_in(Action.DELETE_DOCUMENTS, deletion) == 1
    assert documents_in(Action.DELETE_DOCUMENTS, orjson.dumps({"ids": ["a", "b"]})) == 2
    (piece,) = pieces([Row(1, Action.DELETE_DOCUMENTS, deletion)], 0, 1, 0)
    assert (piece.body, piece.documents, piece.completes) == (deletion, 1, True)
