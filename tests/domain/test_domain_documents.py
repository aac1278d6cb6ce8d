"""Documents are compared by id and by every field, and no type is mistaken for another."""

from __future__ import annotations

import random
import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signoff.checks.conditions import matches, matches_text
from signoff.checks.nearest import lost_by_the_index, nearest, query_problem
from signoff.documents import (
    TOLERANCE,
    Document,
    Value,
    by_id,
    differences,
    differing_fields,
    documents_from,
    embed,
    make_documents,
    payload,
    rewritten,
    same,
)
from signoff.verdict import CouldNotObserve

values = st.one_of(st.text(max_size=5), st.integers(-3, 3), st.floats(-2, 2), st.booleans())
documents = st.builds(
    Document,
    st.sampled_from(["a", "b", "c", "d"]),
    st.none() | st.text(max_size=10),
    st.none() | st.dictionaries(st.sampled_from(["k", "l"]), values, max_size=2),
    st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=2).map(tuple),
)
collections = st.lists(documents, max_size=4, unique_by=lambda document: document.id).map(by_id)


@given(collections)
def test_what_is_the_same_has_no_differences(content: dict[str, Document]) -> None:
    assert differences(content, dict(content)) == []


@given(collections, collections)
def test_differences_are_found_exactly_when_there_are_any(one: dict[str, Document], other: dict[str, Document]) -> None:
    equal = one.keys() == other.keys() and all(same(one[id], other[id]) for id in one)
    assert (differences(one, other) == []) is equal


@given(collections, collections)
def test_differences_are_found_from_both_sides(one: dict[str, Document], other: dict[str, Document]) -> None:
    assert len(differences(one, other)) == len(differences(other, one))


def test_missing_unexpected_and_differing_documents_are_said_in_plain_words() -> None:
    one, two, three = make_documents("d", 3)
    found = differences(by_id([one, two]), by_id([rewritten(two, "new"), three]), "on the replica")
    assert found[0] == "document d-0001 is missing on the replica"
    assert found[1] == "document d-0003 is present on the replica and should not be"
    assert found[2].startswith("document d-0002 differs on the replica: text is ")


@pytest.mark.parametrize(("given", "seen"), [(1, True), (0, False), (1, 1.0), ("1", 1), ("true", True)])
def test_a_value_of_another_type_is_another_value(given: object, seen: object) -> None:
    one = Document("a", "t", {"k": given}, (0.5,))  # type: ignore[dict-item]
    other = Document("a", "t", {"k": seen}, (0.5,))  # type: ignore[dict-item]
    assert differing_fields(one, other) != []


def test_embeddings_may_differ_by_float32_and_no_more() -> None:
    def document(value: float) -> Document:
        return Document("a", "t", None, (value,))

    assert differing_fields(document(0.1), document(0.1 + TOLERANCE / 2)) == []
    assert differing_fields(document(0.1), document(0.1 + TOLERANCE * 2)) == ["embedding differs in 1 of 1 values"]
    assert differing_fields(document(0.1), document(float("nan"))) != []


@given(st.text())
def test_an_embedding_is_the_same_each_time_and_exact_in_float32(text: str) -> None:
    vector = embed(text)
    assert vector == embed(text)
    assert struct.unpack("<16f", struct.pack("<16f", *vector)) == vector


def test_metadata_none_and_empty_text_are_kept_apart() -> None:
    assert differing_fields(Document("a", "", None, ()), Document("a", None, None, ())) != []
    assert differing_fields(Document("a", "", None, ()), Document("a", "", {}, ())) != []


def test_an_answer_is_read_back_as_the_documents_that_made_it() -> None:
    made = make_documents("d", 3, token="t1", metadata={"document_id": "kept"})
    assert documents_from(payload(made), "the primary") == made


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"ids": []},
        {"ids": ["a"], "documents": [], "metadatas": [], "embeddings": []},
        {"ids": ["a"], "documents": ["t"], "metadatas": [None], "embeddings": None},
        {"ids": ["a"], "documents": [1], "metadatas": [None], "embeddings": [[0.5]]},
        {"ids": ["a"], "documents": ["t"], "metadatas": [None], "embeddings": [["x"]]},
        {"error": "InvalidArgumentError", "message": "Collection ID is not a valid UUIDv4"},
    ],
)
def test_an_answer_of_another_shape_is_an_error_and_never_no_documents(answer: object) -> None:
    with pytest.raises(CouldNotObserve, match=r"^Could not be tested: the primary answered"):
        documents_from(answer, "the primary")


def test_a_base64_embedding_is_read() -> None:
    answer = {"ids": ["a"], "documents": ["t"], "metadatas": [None], "embeddings": ["AAAAPwAAgL8="]}
    assert documents_from(answer, "the primary")[0].embedding == (0.5, -1.0)


def test_the_nearest_document_to_a_documents_embedding_is_itself() -> None:
    made = by_id(make_documents("d", 20))
    vector = list(made["d-0007"].embedding)
    ranked = [id for id, _ in nearest(made, vector, 5)]
    assert ranked[0] == "d-0007"
    assert query_problem(made, vector, 5, ranked) == ""
    assert "instead of" in query_problem(made, vector, 5, [ranked[1], ranked[0], *ranked[2:]])
    assert "4 documents" in query_problem(made, vector, 5, ranked[:4])
    assert "twice" in query_problem(made, vector, 5, [ranked[0]] * 5)
    assert "not there" in query_problem(made, vector, 5, ["x", *ranked[1:]])


@pytest.mark.parametrize(
    ("where", "selected"),
    [
        ({"n": 1}, True),
        ({"n": True}, False),
        ({"n": {"$gt": 0}}, True),
        ({"missing": {"$gt": 0}}, False),
        ({"missing": {"$ne": 1}}, True),
        ({"n": {"$in": [2, 3]}}, False),
        ({"n": {"$nin": [2, 3]}}, True),
        ({"$and": [{"n": 1}, {"s": "x"}]}, True),
        ({"$or": [{"n": 2}, {"$and": [{"s": "x"}, {"n": {"$lte": 1}}]}]}, True),
        ({"$and": [{"n": 1}, {"s": "y"}]}, False),
    ],
)
def test_conditions_select_as_chroma_does(where: dict[str, object], selected: bool) -> None:
    assert matches({"n": 1, "s": "x"}, where) is selected


def test_an_unknown_operator_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"\$regex"):
        matches({"n": 1}, {"n": {"$regex": "x"}})


def _ranked(documents: dict[str, Document], vector: list[float], results: int) -> list[str]:
    return [id for id, _ in nearest(documents, vector, results)]


def test_what_an_instances_own_index_has_lost_is_not_the_deployments_doing() -> None:
    made = by_id(make_documents("d", 20))
    vector = list(made["d-0007"].embedding)
    found = {id: document for id, document in made.items() if id != "d-0007"}
    answered, every = _ranked(found, vector, 5), _ranked(found, vector, 20)
    assert lost_by_the_index(made, vector, 5, answered, answered, every) == ["d-0007"]


@settings(deadline=None)
@given(size=st.integers(3, 60), chance=st.randoms(use_true_random=False), data=st.data())
def test_an_index_may_lose_what_one_write_brought_and_no_more(
    size: int, chance: random.Random, data: st.DataObject
) -> None:
    made = by_id(make_documents("d", size))
    gone = sorted(chance.sample(list(made), data.draw(st.integers(1, min(size - 1, 12)))))
    vector = list(made[chance.choice(list(made))].embedding)
    found = {id: document for id, document in made.items() if id not in gone}
    answered, every = _ranked(found, vector, 5), _ranked(found, vector, size)
    allowed = min(8, size // 3)
    assert lost_by_the_index(made, vector, 5, answered, answered, every) == (gone if len(gone) <= allowed else [])


def test_nothing_else_is_put_down_to_an_index() -> None:
    made = by_id(make_documents("d", 20))
    vector = list(made["d-0007"].embedding)
    found = {id: document for id, document in made.items() if id != "d-0007"}
    answered, every = _ranked(found, vector, 5), _ranked(found, vector, 20)
    right = _ranked(made, vector, 5)
    # The instance itself finds it: then whoever stands before it has left it out.
    assert lost_by_the_index(made, vector, 5, answered, right, _ranked(made, vector, 20)) == []
    # The instance itself answers otherwise.
    assert lost_by_the_index(made, vector, 5, answered, right, every) == []
    # Something else is wrong, too.
    swapped = [answered[1], answered[0], *answered[2:]]
    assert lost_by_the_index(made, vector, 5, swapped, swapped, every) == []
    # An index that finds hardly anything is no index.
    few = {id: made[id] for id in every[:10]}
    assert lost_by_the_index(made, vector, 5, _ranked(few, vector, 5), _ranked(few, vector, 5), list(few)) == []


@pytest.mark.parametrize(
    ("one", "other"), [([1, 2], [1, 2.0]), ([True], [1]), (["a"], ["a", "b"]), (["a", "b"], ["b", "a"]), (["a"], "a")]
)
def test_lists_in_metadata_are_compared_with_the_types_and_the_order_of_their_items(one: Value, other: Value) -> None:
    expected, seen = (Document("d", "t", {"k": value}, (1.0,)) for value in (one, other))
    assert differing_fields(expected, expected) == []
    assert differing_fields(expected, seen)[0].startswith("metadata k is ")


def test_a_uri_travels_and_is_compared() -> None:
    plain, kept = Document("a", "t", None, (1.0,)), Document("b", "t", None, (1.0,), "https://example.com/b")
    assert "uris" not in payload([plain])
    assert payload([plain, kept])["uris"] == [None, "https://example.com/b"]
    assert documents_from(payload([plain, kept]), "the replica") == [plain, kept]
    assert differing_fields(kept, replace(kept, uri=None)) == ['uri is null instead of "https://example.com/b"']


@pytest.mark.parametrize(
    ("where_document", "selected"),
    [
        ({"$contains": "quick"}, True),
        ({"$not_contains": "quick"}, False),
        ({"$regex": "^a .*fox$"}, True),
        ({"$not_regex": "[0-9]"}, True),
        ({"$and": [{"$contains": "quick"}, {"$contains": "slow"}]}, False),
        ({"$or": [{"$contains": "slow"}, {"$contains": "fox"}]}, True),
    ],
)
def test_conditions_on_texts_select_as_chroma_does(where_document: dict[str, object], selected: bool) -> None:
    assert matches_text("a quick fox", where_document) is selected
    assert matches_text(None, {"$not_contains": "quick"})
    with pytest.raises(ValueError, match=r"\$like is no operator that can be evaluated here"):
        matches_text("a", {"$like": "a"})
