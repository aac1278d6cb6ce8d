"""Log rows against what clients sent and saw: each disagreement is found, and agreement is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from signoff.checks.audit import receipt_findings, transaction_findings
from signoff.checks.mapping import row_findings
from signoff.clients.balancer import CollectionMapping, metric
from signoff.clients.client import Write
from signoff.clients.database import Transaction
from signoff.clients.wire import NoAnswer, Reply
from signoff.documents import Document, make_documents
from signoff.verdict import CouldNotObserve

NOW = datetime(2026, 1, 1)
DOCUMENT = make_documents("d", 1)[0]
ANSWER = Reply("the balancer", 201, {}, b"{}")
REFUSAL = Reply("the balancer", 503, {}, b'{"error": "ServiceUnavailable"}')
WRITE = Write("s/1", "add", "c", (DOCUMENT,), "POST", "/c/add", '{"ids": ["d"]}', 0.0, 1.0, NOW, ANSWER)
ROW = Transaction("t1", "s/1", "POST", "/c/add", '{ "ids":["d"] }', "COMPLETED", None, 201, NOW, NOW)
HELD = {role: {DOCUMENT.id: DOCUMENT} for role in ("primary", "replica")}
EMPTY: dict[str, dict[str, Document]] = {"primary": {}, "replica": {}}


def test_a_write_that_is_logged_as_it_was_sent_and_answered_is_right() -> None:
    assert transaction_findings(WRITE, [ROW]) == []


@pytest.mark.parametrize(
    ("row", "finding"),
    [
        (replace(ROW, method="PUT"), "is logged as PUT /c/add"),
        (replace(ROW, path="/c/upsert"), "is logged as POST /c/upsert"),
        (replace(ROW, data='{"ids": ["e"]}'), "is logged with another payload than was sent"),
        (replace(ROW, data=None), "is logged with another payload than was sent"),
        (replace(ROW, response_status=200), "was answered with 201 and is logged with 200"),
        (replace(ROW, response_status=None), "was answered with 201 and is logged with None"),
        (replace(ROW, status="ATTEMPTING"), "is still ATTEMPTING"),
        (replace(ROW, status="FAILED"), "was acknowledged and is logged as FAILED"),
    ],
)
def test_each_disagreement_is_found(row: Transaction, finding: str) -> None:
    assert transaction_findings(WRITE, [row]) == [f"the add with session s/1 {finding}"]


def test_a_write_is_logged_exactly_once() -> None:
    assert transaction_findings(WRITE, []) == ["the add with session s/1 has 0 transactions instead of 1"]
    assert transaction_findings(WRITE, [ROW, ROW]) == ["the add with session s/1 has 2 transactions instead of 1"]


def test_what_was_never_sent_is_not_logged() -> None:
    unsent = replace(WRITE, answer=NoAnswer("the balancer", "refused", sent=False))
    assert transaction_findings(unsent, []) == []
    assert transaction_findings(unsent, [ROW]) != []


@pytest.mark.parametrize(
    ("status", "contents", "findings"),
    [
        ("COMPLETED", HELD, 0),
        ("RECOVERED", HELD, 0),
        ("FAILED", EMPTY, 0),
        ("ABANDONED", EMPTY, 0),
        ("RECOVERED", EMPTY, 2),  # a false receipt
        ("FAILED", HELD, 2),  # a false denial
        ("RECOVERED", {"primary": HELD["primary"], "replica": {}}, 1),
        ("FAILED", {"primary": HELD["primary"], "replica": {}}, 1),
        ("ATTEMPTING", HELD, 1),
    ],
)
def test_receipts_agree_with_what_is_there(
    status: str, contents: dict[str, dict[str, Document]], findings: int
) -> None:
    refused = replace(WRITE, answer=REFUSAL)
    assert len(receipt_findings(refused, [replace(ROW, status=status)], contents)) == findings


def test_a_refusal_without_a_row_is_found() -> None:
    refused = replace(WRITE, answer=REFUSAL)
    assert receipt_findings(refused, [], EMPTY) == ["the add of d-0001 was answered with 503 and has 0 transactions"]


def test_the_effect_of_a_delete_is_absence() -> None:
    refused = replace(WRITE, action="delete", answer=REFUSAL)
    assert receipt_findings(refused, [replace(ROW, status="RECOVERED")], EMPTY) == []
    assert len(receipt_findings(refused, [replace(ROW, status="RECOVERED")], HELD)) == 2


ONE, TWO = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        ([CollectionMapping("c", ONE, TWO)], ""),
        ([], "has 0 rows"),
        ([CollectionMapping("c", ONE, TWO)] * 2, "has 2 rows"),
        ([CollectionMapping("c", ONE, None)], "has no id of c on the replica"),
        ([CollectionMapping("c", TWO, ONE)], "which itself says"),
        ([CollectionMapping("c", ONE, TWO[:8])], "is no whole UUID"),
    ],
)
def test_a_mapping_row_is_compared_with_the_instances(rows: list[CollectionMapping], finding: str) -> None:
    found = row_findings("c", "the table", rows, ONE, TWO)
    assert bool(found) is bool(finding)
    assert finding in " ".join(found)


def test_equal_ids_on_both_instances_are_found() -> None:
    assert row_findings("c", "the table", [CollectionMapping("c", ONE, ONE)], ONE, ONE) != []


def test_a_metric_is_read_and_a_missing_one_is_an_error() -> None:
    text = '# HELP pending x\n# TYPE pending gauge\npending 7.0\npending_more 9\nlabelled{a="b"} 3\n'
    assert metric(text, "pending") == 7
    for name in ("absent", "labelled"):
        with pytest.raises(CouldNotObserve, match=f"/metrics has no {name}"):
            metric(text, name)
