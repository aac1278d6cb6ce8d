"""The table of wire results, row by row, and its agreement with what an answer to a write says of its effect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.checkers.classification import classify
from signoff.clients.wire import NoAnswer, Reply
from signoff.history import Action, Result
from signoff.outcomes import Effect, effect_of

ARGUMENT = b'{"error": "InvalidArgumentError", "message": "Collection expecting embedding with dimension of 16"}'


def reply(status: int, body: bytes = b"{}", effect: str = "") -> Reply:
    return Reply("the balancer", status, {"x-effect": effect} if effect else {}, body)


@pytest.mark.parametrize(
    ("answer", "write", "read"),
    [
        (NoAnswer("the balancer", "refused", sent=False), Result.FAIL, Result.FAIL),
        (NoAnswer("the balancer", "timeout", sent=True), Result.INDETERMINATE, Result.FAIL),
        (reply(503, effect="none"), Result.FAIL, Result.FAIL),
        (reply(400, ARGUMENT), Result.FAIL, Result.FAIL),
        (reply(422, b"Failed to deserialize the JSON body"), Result.FAIL, Result.FAIL),
        (reply(400, b"Bad Request"), Result.INDETERMINATE, Result.FAIL),
        (reply(404), Result.INDETERMINATE, Result.OK),
        (reply(409), Result.INDETERMINATE, Result.FAIL),
        *((reply(status), Result.INDETERMINATE, Result.FAIL) for status in (429, 500, 502, 503, 504)),
    ],
)
def test_a_row_of_the_table(answer: Reply | NoAnswer, write: Result, read: Result) -> None:
    assert classify(Action.ADD, answer).result is write
    assert classify(Action.GET, answer).result is read
    assert classify(Action.ADD, answer).wire.violation == ""


@pytest.mark.parametrize("body", [b"", b"  ", b'{"ids": ["tr', b"<html>", b'{"error": "InternalError"}', b"[]", b"7"])
@pytest.mark.parametrize("action", list(Action))
def test_a_success_that_is_none_breaks_the_protocol(action: Action, body: bytes) -> None:
    classified = classify(action, reply(200, body))
    assert classified.result is (Result.INDETERMINATE if action.mutates else Result.FAIL)
    assert classified.wire.violation


def test_a_success_is_one_only_with_the_right_body() -> None:
    assert classify(Action.ADD, reply(201)).result is Result.OK
    assert classify(Action.CREATE, reply(200, b'{"id": "u"}')).result is Result.OK
    assert classify(Action.CREATE, reply(200)).result is Result.INDETERMINATE
    assert classify(Action.GET, reply(200, b'{"ids": []}')).result is Result.OK
    assert classify(Action.GET, reply(200)).wire.violation == "a read without a list of ids"


def test_only_a_404_says_that_a_collection_is_gone() -> None:
    assert classify(Action.GET, reply(404)).gone
    assert not classify(Action.GET, reply(400, ARGUMENT)).gone
    assert not classify(Action.DELETE, reply(404)).gone


@given(st.integers(200, 599), st.binary(max_size=20), st.sampled_from(["", "none"]))
def test_nothing_is_more_certain_than_the_answers_effect(status: int, body: bytes, effect: str) -> None:
    answer = reply(status, body, effect)
    result = classify(Action.ADD, answer).result
    if effect_of(answer) is Effect.UNKNOWN:
        assert result is Result.INDETERMINATE
    if result is not Result.INDETERMINATE:
        assert (result is Result.OK) is (effect_of(answer) is Effect.DONE)
