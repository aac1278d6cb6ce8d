"""Log rows against what clients sent and saw: each disagreement is found, and agreement is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from signoff.checks.audit import collection_receipt_findings, receipt_findings, transaction_findings
from signoff.checks.load import require_few_lost
from signoff.checks.mapping import row_findings
from signoff.checks.refusals import require_refused
from signoff.clients.balancer import CollectionMapping, metric
from signoff.clients.client import Write
from signoff.clients.database import Transaction
from signoff.clients.wire import NoAnswer, Reply
from signoff.documents import Document, make_documents
from signoff.verdict import CouldNotObserve, NotMet

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
    ("row", "named", "finding"),
    [
        (replace(ROW, method="PUT"), "MANGLED", "is logged as PUT /c/add"),
        (replace(ROW, path="/c/upsert"), "MANGLED", "is logged as POST /c/upsert"),
        (replace(ROW, data='{"ids": ["e"]}'), "MANGLED", "is logged with another payload than was sent"),
        (replace(ROW, data=None), "MANGLED", "is logged with another payload than was sent"),
        (replace(ROW, response_status=200), "MANGLED", "was answered with 201 and is logged with 200"),
        (replace(ROW, response_status=None), "MANGLED", "was answered with 201 and is logged with None"),
        (replace(ROW, response_status=500), "FALSE-DENIAL", "was answered with 201 and is logged with 500"),
        (replace(ROW, status="ATTEMPTING"), "STUCK", "is still ATTEMPTING"),
        (replace(ROW, status="FAILED"), "FALSE-DENIAL", "was acknowledged and is logged as FAILED"),
    ],
)
def test_each_disagreement_is_found(row: Transaction, named: str, finding: str) -> None:
    assert transaction_findings(WRITE, [row]) == [f"{named}: the add with session s/1 {finding}"]


def test_a_refusal_that_is_logged_as_a_success_is_a_false_receipt() -> None:
    refused = replace(WRITE, answer=Reply("the balancer", 400, {}, b"{}"))
    assert transaction_findings(refused, [ROW]) == [
        "FALSE-RECEIPT: the add with session s/1 was answered with 400 and is logged with 201",
        "FALSE-RECEIPT: the add with session s/1 was refused and is logged as COMPLETED",
    ]


def test_a_write_is_logged_exactly_once() -> None:
    assert transaction_findings(WRITE, []) == ["UNLOGGED: the add with session s/1 has 0 transactions instead of 1"]
    assert transaction_findings(WRITE, [ROW, ROW]) == [
        "DUPLICATED: the add with session s/1 has 2 transactions instead of 1"
    ]


def test_what_was_never_sent_is_not_logged() -> None:
    unsent = replace(WRITE, answer=NoAnswer("the balancer", "refused", sent=False))
    assert transaction_findings(unsent, []) == []
    assert transaction_findings(unsent, [ROW]) == ["PHANTOM: the add with session s/1 has 1 transactions instead of 0"]


@pytest.mark.parametrize(
    ("status", "contents", "named"),
    [
        ("COMPLETED", HELD, []),
        ("RECOVERED", HELD, []),
        ("FAILED", EMPTY, []),
        ("ABANDONED", EMPTY, []),
        ("RECOVERED", EMPTY, ["FALSE-RECEIPT"] * 2),
        ("FAILED", HELD, ["FALSE-DENIAL"] * 2),
        ("RECOVERED", {"primary": HELD["primary"], "replica": {}}, ["FALSE-RECEIPT"]),
        ("FAILED", {"primary": HELD["primary"], "replica": {}}, ["FALSE-DENIAL"]),
        ("ATTEMPTING", HELD, ["STUCK"]),
    ],
)
def test_receipts_agree_with_what_is_there(
    status: str, contents: dict[str, dict[str, Document]], named: list[str]
) -> None:
    refused = replace(WRITE, answer=REFUSAL)
    found = receipt_findings(refused, [replace(ROW, status=status)], contents)
    assert [finding.partition(": ")[0] for finding in found] == named


def test_a_refusal_without_a_row_is_found() -> None:
    refused = replace(WRITE, answer=REFUSAL)
    assert receipt_findings(refused, [], EMPTY) == [
        "UNLOGGED: the add of d-0001 was answered with 503 and has 0 transactions"
    ]
    assert receipt_findings(refused, [], HELD) == [
        "GHOST: the add of d-0001 was answered with 503 and has 0 transactions, and it took effect"
    ]
    assert receipt_findings(refused, [ROW, ROW], HELD)[0].startswith("DUPLICATED: ")


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


# ---------------------------------------------------------------- collections, and every kind of write


@pytest.mark.parametrize(
    ("action", "status", "there", "named"),
    [
        ("create", "RECOVERED", True, ""),
        ("create", "RECOVERED", False, "FALSE-RECEIPT"),
        ("create", "ABANDONED", False, ""),
        ("create", "ABANDONED", True, "FALSE-DENIAL"),
        ("drop", "RECOVERED", False, ""),
        ("drop", "RECOVERED", True, "FALSE-RECEIPT"),
        ("drop", "FAILED", True, ""),
        ("drop", "FAILED", False, "FALSE-DENIAL"),
        ("drop", "ATTEMPTING", True, "STUCK"),
    ],
)
def test_a_receipt_for_a_collection_is_held_to_whether_it_is_there(
    action: str, status: str, there: bool, named: str
) -> None:
    write = replace(WRITE, action=action, documents=(), answer=REFUSAL)
    found = collection_receipt_findings(write, [replace(ROW, status=status)], {"primary": there, "replica": there})
    assert {one.partition(":")[0] for one in found} == ({named} if named else set())
    assert all(f"the {action} of collection c is" in one for one in found)


def test_an_instance_that_differs_is_named() -> None:
    write = replace(WRITE, action="create", documents=(), answer=REFUSAL)
    (found,) = collection_receipt_findings(
        write, [replace(ROW, status="RECOVERED")], {"primary": True, "replica": False}
    )
    assert found.endswith("is logged as RECOVERED, and its effect is not there on the replica")


def test_a_collection_that_nobody_logged_and_that_is_there_is_a_ghost() -> None:
    write = replace(WRITE, action="create", documents=(), answer=REFUSAL)
    (found,) = collection_receipt_findings(write, [], {"primary": True, "replica": True})
    assert found.startswith("GHOST: ")


def test_a_write_that_is_not_refused_while_nobody_is_there_is_named() -> None:
    require_refused([replace(WRITE, answer=REFUSAL)])
    with pytest.raises(NotMet, match=r"PROTOCOL: with no instance .* a write \(add\) was answered with 201"):
        require_refused([replace(WRITE, answer=REFUSAL), WRITE])


def test_a_few_queries_may_be_spoiled_by_the_index_and_not_many() -> None:
    require_few_lost(15, 300)
    with pytest.raises(CouldNotObserve, match="spoiled 16 of 300 queries"):
        require_few_lost(16, 300)
