"""Joining rows: the laws that make a joined request indistinguishable from its rows, one by one."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.balancer.batching import merge, repeatable
from stack.balancer.operations import Action

Row = tuple[Action, bytes]
Held = dict[str, dict[str, Any]]
IDS = st.sampled_from("abcdef")
VALUE = st.integers(0, 9)


def _base64(numbers: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


@st.composite
def _row(draw: st.DrawFn, actions: Sequence[Action]) -> Row:
    action = draw(st.sampled_from(actions))
    ids = draw(st.lists(IDS, min_size=1, max_size=3, unique=draw(st.integers(0, 5)) > 0))
    if action is Action.DELETE_DOCUMENTS:
        where: dict[str, Any] = {"where": {"v": draw(VALUE)}}
        return action, orjson.dumps({"ids": ids} | (where if draw(st.integers(0, 3)) == 0 else {}))
    numbers = [[float(draw(VALUE)), 1.0] for _ in ids]
    payload: dict[str, Any] = {"ids": ids, "embeddings": numbers}
    if draw(st.booleans()):
        payload["embeddings"] = [_base64(n) for n in numbers]
    for column in ("documents", "metadatas", "uris"):
        kind = draw(st.integers(0, 3))
        if kind == 1:
            payload[column] = None
        elif kind > 1:
            values = [draw(st.one_of(st.none(), VALUE)) for _ in ids]
            payload[column] = [v if v is None or column != "metadatas" else {"v": v} for v in values]
    return action, orjson.dumps(payload)


def _numbers(embedding: Any) -> list[float]:
    if isinstance(embedding, str):
        raw = base64.b64decode(embedding)
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    return list(embedding)


def apply_row(held: Held, action: Action, body: bytes) -> Held:
    """Chroma's semantics, as measured: adding leaves what is there, upserting and updating merge the metadata."""
    held, payload = {i: dict(fields) for i, fields in held.items()}, orjson.loads(body)
    if action is Action.DELETE_DOCUMENTS:
        ids, where = payload.get("ids"), payload.get("where")
        for i in list(held):
            meant = ids is None or i in ids
            if meant and (where is None or (held[i]["metadatas"] or {}).get("v") == where["v"]):
                del held[i]
        return held
    for index, i in enumerate(payload["ids"]):
        if (action is Action.ADD and i in held) or (action is Action.UPDATE and i not in held):
            continue
        fields = held.setdefault(i, {"documents": None, "metadatas": None, "uris": None})
        fields["embeddings"] = _numbers(payload["embeddings"][index])
        for column in ("documents", "metadatas", "uris"):
            value = (payload.get(column) or [None] * len(payload["ids"]))[index]
            if value is not None:
                fields[column] = (fields[column] or {}) | value if column == "metadatas" else value
    return held


def _apply_all(held: Held, rows: Sequence[Row]) -> Held:
    for action, body in rows:
        held = apply_row(held, action, body)
    return held


WRITES = [Action.ADD, Action.UPSERT, Action.UPDATE, Action.DELETE_DOCUMENTS]
ROWS = st.one_of(
    [st.lists(_row([action]), min_size=1, max_size=6) for action in WRITES]
    + [st.lists(_row(WRITES), min_size=1, max_size=6)]
)


@given(st.lists(_row(WRITES), max_size=5), ROWS, st.integers(1, 8), st.booleans())
def test_a_joined_request_does_what_its_rows_do(before: list[Row], rows: list[Row], limit: int, answered: bool) -> None:
    held = _apply_all({}, before)
    count, body = merge(rows, limit, answered=answered)
    assert 1 <= count <= len(rows)
    assert apply_row(held, rows[0][0], body) == _apply_all(held, rows[:count])


@given(ROWS, st.integers(1, 8), st.booleans())
def test_a_joined_request_is_well_formed(rows: list[Row], limit: int, answered: bool) -> None:
    count, body = merge(rows, limit, answered=answered)
    if count == 1:
        assert body == rows[0][1]
        return
    payload = orjson.loads(body)
    assert len(payload["ids"]) <= limit
    assert {action for action, _ in rows[:count]} == {rows[0][0]}
    if rows[0][0] is not Action.DELETE_DOCUMENTS:
        assert len(set(payload["ids"])) == len(payload["ids"])
        assert len({type(embedding) for embedding in payload["embeddings"]}) == 1
        for column in payload.values():
            assert len(column) == len(payload["ids"])


def _add(*ids: str, **more: Any) -> Row:
    return Action.ADD, orjson.dumps({"ids": ids, "embeddings": [[1.0, 2.0]] * len(ids), **more})


def test_neighbours_are_joined() -> None:
    rows = [_add("a", documents=["x"]), _add("b"), _add("c", documents=None, metadatas=[{"k": 1}])]
    count, body = merge(rows, 200, answered=False)
    assert count == 3
    assert orjson.loads(body) == {
        "ids": ["a", "b", "c"],
        "embeddings": [[1.0, 2.0]] * 3,
        "documents": ["x", None, None],
        "metadatas": [None, None, {"k": 1}],
    }


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(_add("a"), id="the same document"),
        pytest.param((Action.ADD, orjson.dumps({"ids": ["b"], "embeddings": ["AACAPw=="]})), id="another form"),
        pytest.param((Action.UPSERT, _add("b")[1]), id="another action"),
        pytest.param(_add("b", unknown=[1]), id="an unknown column"),
        pytest.param(_add("b", documents=["x", "y"]), id="a column of another length"),
        pytest.param(_add("b", "b"), id="a document twice"),
    ],
)
def test_what_does_not_go_together_stays_apart(second: Row) -> None:
    assert merge([_add("a"), second], 200, answered=True)[0] == 1


def test_large_rows_are_joined_up_to_a_size() -> None:
    """Chroma takes 40 MB in a request; 200 owed documents may be more than that."""
    rows = [_add(str(number), documents=["x" * 1_000_000]) for number in range(60)]
    count, body = merge(rows, 200, answered=True)
    assert count == 4
    assert len(body) < 5_000_000
    assert merge(rows, 200, answered=True, most_bytes=2_500_000)[0] == 2
    huge = _add("a", documents=["x" * 10_000_000])
    assert merge([huge, _add("b")], 200, answered=True) == (1, huge[1])


def test_deletes_are_joined_only_when_nobody_waits_for_their_counts() -> None:
    rows = [(Action.DELETE_DOCUMENTS, orjson.dumps({"ids": [i]})) for i in "ab"]
    assert merge(rows, 200, answered=False)[0] == 1
    assert merge(rows, 200, answered=True) == (2, orjson.dumps({"ids": ["a", "b"]}))


@given(
    st.lists(_row(WRITES), max_size=4), st.lists(_row([Action.ADD, Action.UPSERT, Action.DELETE_DOCUMENTS]), max_size=8)
)
def test_repeatable_rows_may_be_applied_again(before: list[Row], rows: list[Row]) -> None:
    """What a crash that costs the marks makes happen: applied, and then all of it applied again."""
    rows = [row for row in rows if repeatable(*row)]
    once = _apply_all(_apply_all({}, before), rows)
    assert _apply_all(once, rows) == once


@given(st.lists(_row(WRITES), max_size=4), st.lists(_row([Action.UPDATE]), max_size=6))
def test_updates_may_be_applied_again_after_updates(before: list[Row], rows: list[Row]) -> None:
    once = _apply_all(_apply_all({}, before), rows)
    assert _apply_all(once, rows) == once


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [
        (Action.ADD, b"{}", True),
        (Action.UPSERT, b"{}", True),
        (Action.UPDATE, b"{}", False),
        (Action.DELETE_DOCUMENTS, b'{"ids": ["a"]}', True),
        (Action.DELETE_DOCUMENTS, b'{"ids": ["a"], "where": null}', True),
        (Action.DELETE_DOCUMENTS, b'{"ids": ["a"], "where": {"v": 1}}', False),
        (Action.DELETE_DOCUMENTS, b'{"where_document": {"$contains": "x"}}', False),
        (Action.CREATE_COLLECTION, b"{}", False),
        (Action.DELETE_COLLECTION, b"", False),
        (Action.MODIFY_COLLECTION, b"{}", False),
    ],
)
def test_which_rows_are_repeatable(action: Action, body: bytes, expected: bool) -> None:
    assert repeatable(action, body) is expected
