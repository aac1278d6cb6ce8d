"""What a release manager reads, and the lies that a checker could tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from honest_deployment import Run, holding, logged, with_final

from signoff.checkers import receipts
from signoff.checkers.judging import judge_history
from signoff.data_types import Role
from signoff.history import Action, Evidence, History, Limits, LogRow, Operation, Result, Stage
from signoff.report.judgement import Word
from signoff.verdict import Outcome, VerdictClass


def started() -> Run:
    run = Run()
    run.ask(Action.CREATE)
    return run


def thorough() -> Run:
    """A run with an outage in the middle, and a refused write in it."""
    run = started()
    for number in range(30):
        run.ask(Action.ADD, f"d{number}", takes=0.4)
        if number == 12:
            run.ask(Action.UPSERT, "refused", result=Result.FAIL, takes=0.4)
        if number == 15:
            run.ask(Action.UPSERT, "unsure", result=Result.INDETERMINATE, takes=0.4)
        run.ask(Action.GET, f"d{number}", client="reader", takes=0.1)
    return run


def sentences(history: History) -> list[str]:
    return [str(finding) for finding in judge_history(history).findings]


def gaps(history: History, outcome: Outcome) -> list[str]:
    return [gap.sentence for gap in judge_history(history).gaps if gap.outcome is outcome]


def untested(history: History) -> list[str]:
    return gaps(history, Outcome.NOT_TESTED)


def unobserved(history: History) -> list[str]:
    return gaps(history, Outcome.COULD_NOT_BE_TESTED)


def test_a_run_that_proved_everything_is_go_and_says_what_it_rests_on() -> None:
    judgement = judge_history(thorough().history())
    assert (judgement.findings, judgement.apart, judgement.gaps) == ((), (), ())
    assert judgement.word is Word.GO
    assert judgement.resubmit == ("op-27",)
    assert judgement.evidence is not None
    said = judgement.evidence.sentence(0)
    assert said.startswith("0 violations in 6")
    assert "before" in said
    assert said.endswith("% at 95 %.")


def test_a_deleted_document_that_is_there_is_named_with_its_proof() -> None:
    run = started()
    first = run.ask(Action.ADD, "d17")
    run.ask(Action.DELETE, "d17")
    finding = judge_history(holding(run.history(), Role.REPLICA, "d17", first.written("d17"))).findings[0]
    said = "Document d17 of orders was deleted (acknowledged 10:02:03.620) and is present on the replica"
    assert (finding.verdict, finding.sentence) == (VerdictClass.RESURRECTED, said)
    assert finding.operations == ("op-3", "op-2")


def test_a_late_replay_is_told_from_a_rollback() -> None:
    run = started()
    run.ask(Action.ADD, "d1")
    late = run.ask(Action.UPSERT, "d1", result=Result.INDETERMINATE)
    run.ask(Action.DELETE, "d1")
    said = sentences(holding(run.history(), Role.PRIMARY, "d1", late.written("d1")))[0]
    assert said.startswith("LATE-REPLAY: Document d1 of orders was deleted")
    assert said.endswith("as operation op-3 leaves it, which its client had seen fail before it went on")


def test_another_clients_unknown_write_may_still_come() -> None:
    run = started()
    run.ask(Action.ADD, "d1")
    late = run.ask(Action.UPSERT, "d1", client="two", result=Result.INDETERMINATE)
    run.ask(Action.UPSERT, "d1")
    history = replace(run.history(), log_rows=(), log_reads=())
    both = holding(holding(history, Role.PRIMARY, "d1", late.written("d1")), Role.REPLICA, "d1", late.written("d1"))
    assert sentences(both) == []


def test_the_log_resolves_an_unknown_write() -> None:
    run = started()
    first = run.ask(Action.ADD, "d1")
    run.ask(Action.UPSERT, "d1", client="two", result=Result.INDETERMINATE)
    history = run.history()
    for role in Role:
        history = holding(history, role, "d1", first.written("d1"))
    assert sentences(history)[0].startswith("FALSE-RECEIPT: The upsert of 1 document of orders, d1 (not answered")
    assert sentences(replace(history, log_rows=(), log_reads=())) == []


@pytest.mark.parametrize(
    ("status", "effect", "verdict"),
    [
        ("RECOVERED", True, None),
        ("COMPLETED", False, VerdictClass.FALSE_RECEIPT),
        ("FAILED", True, VerdictClass.FALSE_DENIAL),
        ("ABANDONED", False, None),
        (None, True, VerdictClass.GHOST),
        (None, False, VerdictClass.UNLOGGED),
        ("ATTEMPTING", True, VerdictClass.STUCK),
        ("ATTEMPTING", False, VerdictClass.STUCK),
    ],
)
def test_the_receipt_audit(status: str | None, effect: bool, verdict: VerdictClass | None) -> None:
    run = started()
    unsure = run.ask(Action.ADD, "d1", result=Result.INDETERMINATE, effect=effect)
    judgement = judge_history(logged(run.history(), unsure, status))
    assert [finding.verdict for finding in judgement.findings] == ([verdict] if verdict else [])
    assert judgement.resubmit == (("op-2",) if status == "ABANDONED" else ())


def of_outage(history: History, stage: Stage) -> History:
    return replace(history, faults=tuple(event for event in history.faults if event.stage is not stage))


Lie = Callable[[History], History]
LIES: tuple[tuple[str, Lie, str], ...] = (
    (
        "a failover test without a failure",
        lambda history: replace(history, faults=()),
        "Fault crash-1 was planned and never injected",
    ),
    ("a fault that was not proved", lambda history: of_outage(history, Stage.PROVED), "crash-1 was never proved"),
    ("an undo that was not proved", lambda history: of_outage(history, Stage.RESTORED), "was never proved undone"),
    (
        "a fault that was a no-op",
        lambda history: replace(
            history,
            probes=tuple(replace(probe, alive=True) for probe in history.probes),
            statuses=tuple(replace(one, healthy={"primary": True, "replica": True}) for one in history.statuses),
        ),
        "direct probes during fault crash-1, so there was no fault",
    ),
    ("a fault nobody looked at", lambda history: replace(history, probes=()), "The replica was not probed directly"),
    (
        "a phase without operations",
        lambda history: replace(history, header=replace(history.header, limits=Limits(floor=1000))),
        "operations tried during the fault, and at least 1000 are needed",
    ),
    (
        "a kind that was never tried",
        lambda history: replace(history, header=replace(history.header, actions=(Action.DELETE,))),
        "Planned and never tried: delete",
    ),
    ("no log", lambda history: replace(history, log_rows=(), log_reads=()), "The transaction log was not read"),
    ("no mapping", lambda history: replace(history, mappings=()), "The collection mapping was not read"),
    ("no status", lambda history: replace(history, statuses=()), "The status was not read"),
    (
        "pending is 0 taken as synced",
        lambda history: replace(history, gauges=history.gauges[-1:]),
        "The gauge was never read while writes were certainly owed, so its zero proves nothing",
    ),
    (
        "empty equals empty",
        lambda history: replace(history, digests=tuple(replace(one, collections={}) for one in history.digests)),
        "There was no collection but ours, so nothing could be damaged",
    ),
)


@pytest.mark.parametrize(("lie", "sentence"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
def test_what_nobody_looked_at_is_not_tested(lie: Lie, sentence: str) -> None:
    history = lie(thorough().history())
    assert [said for said in untested(history) if sentence in said]
    assert judge_history(history).word is Word.INCOMPLETE


BLIND: tuple[tuple[str, Lie, str], ...] = (
    (
        "an instance's error is not 'no documents'",
        lambda history: with_final(history, Role.REPLICA, "orders", found=False, documents=(), failure="400"),
        "orders on the replica could not be read at the end: 400",
    ),
    (
        "only one instance was asked",
        lambda history: replace(history, finals=tuple(one for one in history.finals if one.instance is Role.PRIMARY)),
        "orders on the replica was not read at the end",
    ),
    (
        "only the first page was read",
        lambda history: with_final(history, Role.REPLICA, "orders", documents=history.finals[1].documents[:10]),
        "orders on the replica counts 31 documents and gave 10, so not all were read",
    ),
    (
        "only a part of the log was read",
        lambda history: replace(history, log_rows=history.log_rows[:5]),
        "so it was not read whole",
    ),
    (
        "read too early",
        lambda history: with_final(history, Role.REPLICA, "orders", started=100.0),
        "orders on the replica was read at the end while operations were still under way",
    ),
)


@pytest.mark.parametrize(("lie", "sentence"), [lie[1:] for lie in BLIND], ids=[lie[0] for lie in BLIND])
def test_what_could_not_be_observed_is_no_verdict(lie: Lie, sentence: str) -> None:
    history = lie(thorough().history())
    assert [said for said in unobserved(history) if sentence in said]
    assert judge_history(history).findings == ()
    assert judge_history(history).evidence is None


def changed(history: History, id: str, change: Callable[[Operation], Operation]) -> History:
    operations = [change(one) if one.id == id else one for one in history.operations]
    return replace(history, operations=tuple(operations))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda one: replace(one, id="op-3"), "the id op-3 belongs to several operations"),
        (lambda one: replace(one, token="token-op-3"), "the token token-op-3 belongs to several operations"),
        (lambda one: replace(one, token=""), "operation op-2 has no token"),
        (lambda one: replace(one, returned=0.0), "operation op-2 returned before it was invoked"),
        (lambda one: replace(one, returned=104.0), "client one had two operations under way at once"),
        (lambda one: replace(one, result=Result.INDETERMINATE), "client one kept its identity after op-2"),
        (lambda one: replace(one, incarnation=7), r"nobody created orders \(7\)"),
        (lambda one: replace(one, documents=()), r"operation op-2 \(add\) has 0 documents"),
    ],
)
def test_a_history_that_breaks_an_assumption_is_not_judged(
    change: Callable[[Operation], Operation], sentence: str
) -> None:
    run = started()
    for _ in range(9):
        run.ask(Action.UPSERT, "d1") if len(run.asked) > 7 else run.ask(Action.ADD, f"d{len(run.asked)}")
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(unobserved(changed(run.history(), "op-2", change)))


def test_a_ninth_write_to_a_document_is_not_judged() -> None:
    run = started()
    for _ in range(9):
        run.ask(Action.UPSERT, "d1")
    assert unobserved(run.history()) == ["document d1 of orders has 9 mutations, and at most 8 can be judged"]


def test_eight_writes_at_once_are_judged_in_every_order() -> None:
    run = started()
    begin = run.now
    for number in range(8):
        run.ask(Action.UPSERT, "d1", client=f"client-{number}", at=begin + number / 100, takes=2.0)
    history = run.history()
    for one in history.operations[1:]:
        seen = holding(holding(history, Role.PRIMARY, "d1", one.written("d1")), Role.REPLICA, "d1", one.written("d1"))
        assert sentences(seen) == []
    assert sentences(holding(history, Role.PRIMARY, "d1", None))[0].startswith("LOST")


def test_a_checker_that_crashes_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    history = thorough().history()

    def crash(*_: object) -> object:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(receipts, "check", crash)
    judgement = judge_history(history)
    assert judgement.word is Word.INCOMPLETE
    assert [gap.sentence for gap in judgement.gaps] == ["The checker of receipts failed: ZeroDivisionError on purpose"]


def test_a_timeout_is_no_success() -> None:
    run = started()
    run.ask(Action.ADD, "d1", result=Result.INDETERMINATE, effect=False)
    assert sentences(replace(run.history(), log_rows=(), log_reads=())) == []


def test_one_lost_document_of_many_is_not_passed() -> None:
    assert judge_history(holding(thorough().history(), Role.REPLICA, "d4", None)).word is Word.NO_GO


def test_the_right_number_of_wrong_documents_is_not_passed() -> None:
    history = thorough().history()
    other = replace(history.finals[0].documents[0], id="other")
    wrong = holding(holding(history, Role.PRIMARY, "d4", None), Role.PRIMARY, "other", other)
    assert {VerdictClass.LOST, VerdictClass.CROSSED} <= judge_history(wrong).classes


def test_an_old_row_is_not_this_runs() -> None:
    run = started()
    one = run.ask(Action.ADD, "d1")
    history = run.history()
    old = [
        replace(row, created_at=row.created_at.replace(year=2025)) if row.operation == one.id else row
        for row in history.log_rows
    ]
    assert sentences(replace(history, log_rows=tuple(old)))[0].startswith("UNLOGGED")
    others = [replace(row, operation="someone") if row.operation == one.id else row for row in history.log_rows]
    assert sentences(replace(history, log_rows=tuple(others)))[0].startswith("UNLOGGED")


def test_the_instances_own_ids_differ_and_a_deleted_collection_is_not_missing() -> None:
    run = thorough()
    run.ask(Action.CREATE, collection="short")
    run.ask(Action.DROP, collection="short")
    history = run.history()
    assert history.mappings[0].rows[0][1] != history.mappings[0].rows[0][2]
    assert sentences(history) == []


def test_no_503_means_no_receipt_was_audited() -> None:
    run = started()
    for number in range(6):
        run.ask(Action.ADD, f"d{number}")
    assert [said for said in untested(run.history()) if "No write was refused" in said]


def test_a_503_must_be_logged_even_if_nothing_was_attempted() -> None:
    run = started()
    refused = run.ask(Action.ADD, "d1", result=Result.FAIL)
    assert refused.wire == Evidence(503, "", True, "none")
    assert sentences(logged(run.history(), refused, None))[0].startswith("UNLOGGED")


def test_a_row_read_too_early_is_not_called_stuck() -> None:
    run = started()
    one = run.ask(Action.ADD, "d1")
    history = logged(run.history(), one, "ATTEMPTING")
    early = replace(history, log_reads=(replace(history.log_reads[0], at=run.now),))
    assert sentences(early) == []
    assert "too early to call it stuck" in unobserved(early)[0]


def test_a_row_of_nobody_changes_nothing() -> None:
    run = thorough()
    history = run.history()
    strange = LogRow("t", "someone-else", "FAILED", history.header.wall, None)
    reads = (replace(history.log_reads[0], rows=len(history.log_rows) + 1),)
    assert judge_history(replace(history, log_rows=(*history.log_rows, strange), log_reads=reads)).word is Word.GO


def test_a_new_collection_of_somebody_else_is_no_damage() -> None:
    history = thorough().history()
    more = tuple(replace(one, collections={**one.collections, "new": "x"}) for one in history.digests[-1:])
    assert judge_history(replace(history, digests=(*history.digests[:-1], *more))).word is Word.GO
