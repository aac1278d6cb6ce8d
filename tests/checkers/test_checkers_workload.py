"""What a workload adds to a history: queries, the time until work goes on, and whether the load was as planned."""

from __future__ import annotations

from dataclasses import replace

import pytest
from honest_deployment import START, Run
from hypothesis import assume, given
from hypothesis import strategies as st

from signoff.checkers import recovery
from signoff.checkers.findings import Finding
from signoff.checkers.floor import evidence
from signoff.checkers.judging import Judgement, Subject, judge_history
from signoff.checkers.recovery import OfKind, recoveries
from signoff.checkers.view import View
from signoff.data_types import Role
from signoff.documents import embed
from signoff.faults.fault_log import FaultLog
from signoff.history import (
    Action,
    Alert,
    AlertRead,
    Evidence,
    FaultEvent,
    FaultKind,
    History,
    Limits,
    Probe,
    Result,
    Stage,
    StatusSample,
    on_the_way_to,
)
from signoff.verdict import NotMet, VerdictClass, verdict_classes
from WorkloadLibrary import WorkloadLibrary, _in_words

NEAREST_FIRST = 3


def asked(run: Run, question: str, **changes: object) -> History:
    """The history with one query at its end, answered rightly unless something is changed."""
    run.ask(Action.QUERY, collection="orders")
    history = run.history(outage=False)
    query = history.operations[-1]
    final = next(read for read in history.finals if read.instance is Role.PRIMARY)
    vector = embed(question)

    def distance(values: tuple[float, ...]) -> float:
        return sum((one - other) ** 2 for one, other in zip(values, vector, strict=True))

    found = tuple(sorted(final.documents, key=lambda one: distance(one.embedding))[:NEAREST_FIRST])
    right = replace(query, question=question, results=NEAREST_FIRST, found=found)
    return replace(history, operations=(*history.operations[:-1], replace(right, **changes)))  # type: ignore[arg-type]


def stocked(number: int) -> Run:
    run = Run()
    run.ask(Action.CREATE)
    for index in range(number):
        run.ask(Action.ADD, f"d{index}")
    run.now += 10  # long enough ago that every read has to show it
    return run


def wrong_answers(history: History) -> list[str]:
    findings = judge_history(history).findings
    return [finding.sentence for finding in findings if finding.verdict is VerdictClass.WRONG_ANSWER]


def test_the_nearest_documents_nearest_first_are_right() -> None:
    assert wrong_answers(asked(stocked(8), "anything")) == []


def test_a_query_that_leaves_the_nearest_out_is_named() -> None:
    history = asked(stocked(8), "anything")
    query = history.operations[-1]
    others = [one for one in history.finals[0].documents if one not in query.found]
    cut = replace(query, found=(*query.found[1:], others[-1]))
    assert "without" in wrong_answers(replace(history, operations=(*history.operations[:-1], cut)))[0]


def test_a_query_in_another_order_is_named() -> None:
    history = asked(stocked(8), "anything")
    query = history.operations[-1]
    turned = replace(query, found=query.found[::-1])
    assert "another order" in wrong_answers(replace(history, operations=(*history.operations[:-1], turned)))[0]


def test_a_query_with_too_few_answers_is_named() -> None:
    history = asked(stocked(8), "anything")
    query = history.operations[-1]
    few = replace(query, found=query.found[:1])
    assert len(wrong_answers(replace(history, operations=(*history.operations[:-1], few)))) == 1


def test_a_document_that_may_be_gone_may_be_missing() -> None:
    run = stocked(2)
    run.ask(Action.DELETE, "d0", client="two", result=Result.INDETERMINATE, effect=False)
    run.now += 10
    history = asked(run, "anything")
    query = history.operations[-1]
    without = replace(query, found=tuple(one for one in query.found if one.id != "d0"))
    unresolved = replace(history, operations=(*history.operations[:-1], without), log_rows=(), log_reads=())
    assert wrong_answers(unresolved) == []
    # The log says that the delete was given up, so the document is certainly there.
    assert len(wrong_answers(replace(history, operations=(*history.operations[:-1], without)))) == 1


# ---------------------------------------------------------------- reads beside writes


@given(
    updates=st.integers(1, 4),
    after=st.floats(0.0, 5.0),
    of_text=st.integers(0, 4),
    of_embedding=st.integers(0, 4),
)
def test_a_read_may_see_half_of_a_write_that_an_instance_may_be_at_and_of_no_other(
    updates: int, after: float, of_text: int, of_embedding: int
) -> None:
    run = stocked(1)
    writes = [run.asked[1].operation, *(run.ask(Action.UPDATE, "d0", takes=0.2) for _ in range(updates))]
    text, vector = writes[of_text % len(writes)], writes[of_embedding % len(writes)]
    run.ask(Action.GET, "d0", client="two", at=writes[-1].invoked + 0.1 + after)
    run.now += 1
    history = run.history(outage=False)
    read = history.operations[-1]
    mixed = replace(text.written("d0"), embedding=vector.written("d0").embedding)
    judgement = judge_history(replace(history, operations=(*history.operations[:-1], replace(read, found=(mixed,)))))
    # An instance may do the next write for as long as a read may be stale; only then it holds this one for good.
    oldest = min(text, vector, key=lambda one: one.invoked)
    following = writes[writes.index(oldest) + 1 :][:1]
    over = [one for one in following if one.returned < read.invoked - Limits().stale]
    assume(not following or abs(following[0].returned - (read.invoked - Limits().stale)) > 0.01)
    assert (VerdictClass.MANGLED in judgement.classes) is (text is not vector and bool(over))


def test_a_document_that_is_coming_or_going_may_be_there_by_half() -> None:
    for action, halves in ((Action.DELETE, True), (Action.UPDATE, False)):
        run = stocked(1)
        write = run.ask(action, "d0", takes=0.2)
        run.ask(Action.GET, "d0", client="two", at=write.invoked + 0.1)
        history = run.history(outage=False)
        half = replace(history.operations[1].written("d0"), text=None, metadata=None)
        seen = replace(history.operations[-1], found=(half,))
        judgement = judge_history(replace(history, operations=(*history.operations[:-1], seen)))
        assert (VerdictClass.MANGLED in judgement.classes) is not halves


def test_a_broken_answer_beside_a_write_is_still_broken() -> None:
    run = stocked(1)
    update = run.ask(Action.UPDATE, "d0", takes=0.2)
    run.ask(Action.GET, "d0", client="two", at=update.invoked + 0.1)
    history = run.history(outage=False)
    for violation, named in (("a success without a body", True), ("lists of different lengths (1, 1, 1, 0)", False)):
        read = replace(history.operations[-1], result=Result.FAIL, wire=Evidence(200, violation=violation))
        judgement = judge_history(replace(history, operations=(*history.operations[:-1], read)))
        assert (VerdictClass.PROTOCOL in judgement.classes) is named


# ---------------------------------------------------------------- recovery


def with_outage(history: History, kind: FaultKind = FaultKind.CRASH, target: str = "primary") -> History:
    stages = zip(Stage, (START + 10, START + 10.01, START + 20, START + 20.01), strict=True)
    faults = tuple(FaultEvent("1", kind, target, stage, at, "seen") for stage, at in stages)
    probes = (Probe(Role.PRIMARY, START + 11, START + 11.1, False),)
    header = replace(history.header, limits=Limits(first_good={"crash": 1.0}))
    return replace(history, header=header, faults=faults, probes=probes)


def stream(*moments: tuple[float, Result, bool]) -> History:
    """Writes at these moments (seconds from the start), each with its result, and read back at once or not."""
    run = Run()
    run.ask(Action.CREATE)
    for index, (at, result, read_back) in enumerate(moments):
        written = run.ask(Action.ADD, f"d{index}", at=START + at, takes=0.05, result=result)
        if read_back:
            run.ask(Action.GET, f"d{index}", at=written.returned + 0.01, takes=0.04)
    return run.history(outage=False)


OK, UNKNOWN = Result.OK, Result.INDETERMINATE


def test_the_first_good_write_is_one_that_was_begun_after_the_fault_and_read_back() -> None:
    writes = stream((9.98, OK, True), (10.2, UNKNOWN, False), (10.4, OK, False), (10.6, OK, True))
    (seen,) = recoveries(with_outage(writes))
    assert seen.first_good == pytest.approx(0.7)
    assert seen.last_failing == pytest.approx(0.2)
    assert (seen.failed, seen.indeterminate, seen.tried) == (0, 1, 5)
    assert seen.kinds[Action.ADD] == OfKind(pytest.approx(0.45), 3, 0, 1)
    assert seen.kinds[Action.GET] == OfKind(pytest.approx(0.08), 2, 0, 0)


def test_a_late_recovery_is_slow_and_says_how_slow() -> None:
    judgement = judge_history(with_outage(stream((10.2, UNKNOWN, False), (13, OK, True))))
    said = judgement.about([Subject.RECOVERY]).findings[0]
    assert said.verdict is VerdictClass.SLOW_FAILOVER
    assert "3.1 s after fault 1" in said.sentence


def test_a_write_that_fails_later_is_slow_too() -> None:
    judgement = judge_history(with_outage(stream((10.1, OK, True), (15, UNKNOWN, False), (16, OK, True))))
    assert "the last failing request began 5 s" in judgement.about([Subject.RECOVERY]).findings[0].sentence


def test_work_that_never_goes_on_is_slow() -> None:
    judgement = judge_history(with_outage(stream((10.1, UNKNOWN, False), (15, UNKNOWN, False))))
    assert "None of 2 writes" in judgement.about([Subject.RECOVERY]).findings[0].sentence


def test_a_deployment_that_takes_no_write_any_more_is_not_recovered() -> None:
    after = [(21 + n / 10, UNKNOWN, False) for n in range(20)]
    judgement = judge_history(with_outage(stream((5, OK, False), (10.2, OK, True), *after)))
    said = judgement.about([Subject.RECOVERY]).findings[0].sentence
    assert said.startswith("None of 20 writes was acknowledged after the last fault was gone")
    # And whoever asks for the contents alone is told that there was too little to judge.
    untested_after = [gap.sentence for gap in judgement.about([Subject.CONTENTS]).gaps]
    assert any("0 operations" in sentence or "0 writes acknowledged after" in sentence for sentence in untested_after)


@pytest.mark.parametrize(("status", "excused"), [(412, True), (500, True), (502, False), (503, False), (504, False)])
def test_only_what_chroma_itself_answers_beside_a_write_is_excused(status: int, excused: bool) -> None:
    run = Run()
    run.ask(Action.CREATE)
    run.ask(Action.ADD, "d0", at=START + 10.1, takes=0.05)
    run.ask(Action.GET, "d0", at=START + 10.2, takes=0.05)
    run.ask(Action.UPDATE, "d0", at=START + 15, takes=0.2)
    run.ask(Action.GET, "d0", client="two", at=START + 15.1, takes=0.05)
    history = with_outage(run.history(outage=False))
    refused = replace(history.operations[-1], result=Result.FAIL, found=(), wire=Evidence(status))
    judgement = judge_history(replace(history, operations=(*history.operations[:-1], refused)))
    late = [one.sentence for one in judgement.about([Subject.RECOVERY]).findings]
    assert bool(late) is not excused
    assert all("the last failing request began 5.1 s" in sentence for sentence in late)


def with_status(history: History, *, away: tuple[float, float], every: float = 0.1) -> History:
    """The status calls the primary unhealthy in this stretch of seconds; both instances are probed all the time."""
    moments = [START + n * every for n in range(int(25 / every))]
    probes = tuple(
        Probe(role, at, at + 0.01, role is Role.REPLICA or not START + 10 <= at < START + 20)
        for at in moments
        for role in Role
    )
    statuses = tuple(
        StatusSample(at + 0.02, at + 0.03, {"primary": not away[0] <= at - START < away[1], "replica": True})
        for at in moments
    )
    return replace(history, probes=probes, statuses=statuses)


def test_the_status_has_to_tell_of_a_fault_in_time() -> None:
    writes = with_outage(stream((10.1, OK, True)))
    told = with_status(writes, away=(10.45, 20))
    assert recoveries(told)[0].told == pytest.approx(0.53)
    assert judge_history(told).about([Subject.RECOVERY]).findings == ()
    late = with_status(writes, away=(11.95, 20))
    (finding,) = judge_history(late).about([Subject.RECOVERY]).findings
    assert str(finding) == "LYING-STATUS: The status told of fault 1 after 2.03 s; allowed are 1 s"
    never = with_status(writes, away=(0, 0))
    (finding,) = judge_history(never).about([Subject.RECOVERY]).findings
    assert str(finding) == "LYING-STATUS: The status never told of fault 1, which lasted 10 s"


def test_a_status_that_was_not_read_shows_nothing() -> None:
    judgement = judge_history(with_outage(stream((10.1, OK, True)))).about([Subject.RECOVERY])
    assert any("was not read during fault 1" in gap.sentence for gap in judgement.gaps)


def test_failed_and_unknown_are_told_apart_for_each_kind() -> None:
    run = Run()
    run.ask(Action.CREATE)
    run.ask(Action.ADD, "d0", at=START + 10.1, result=Result.FAIL)
    run.ask(Action.ADD, "d1", at=START + 10.2, result=Result.INDETERMINATE, client="two")
    run.ask(Action.DELETE, "d2", at=START + 10.3, result=Result.FAIL, client="three")
    run.ask(Action.ADD, "d3", at=START + 10.5, takes=0.1, client="four")
    (seen,) = recoveries(with_outage(run.history(outage=False)))
    assert (seen.failed, seen.indeterminate) == (2, 1)
    assert seen.kinds[Action.ADD] == OfKind(pytest.approx(0.6), 3, 1, 1)
    assert seen.kinds[Action.DELETE] == OfKind(None, 1, 1, 0)
    assert "add again after 600 ms at most, 1 failed, 1 unknown" in _in_words([seen])
    assert "delete never again, 1 failed, 0 unknown" in _in_words([seen])
    assert not any(words.startswith("create") for words in _in_words([seen]))


# ---------------------------------------------------------------- the status, in an outage


def test_a_status_that_changes_its_mind_is_untrue_in_all() -> None:
    history = with_status(with_outage(stream((10.1, OK, True))), away=(10, 20))
    allowed = history.header.limits.untrue
    for lies, found in ((5, False), (40, True)):
        # Every other look of the outage is a lie, until so many have been told.
        moments = [one for one in history.statuses if START + 11 <= one.started < START + 19.5][::2][:lies]
        flickering = tuple(
            replace(one, healthy={"primary": True, "replica": True}) if one in moments else one
            for one in history.statuses
        )
        judgement = judge_history(replace(history, statuses=flickering)).about([Subject.STATUS])
        assert bool(judgement.findings) is found
        if found:
            assert f"in 40 stretches, 100 ms at most, allowed {allowed:g} s" in judgement.findings[0].sentence
            assert "after fault 1" in judgement.findings[0].sentence
            assert judgement.claims == (
                "1 violation in 250 looks at the status (untrue for 4 s after a change at most)",
            )


# ---------------------------------------------------------------- each claim says what it rests on


def test_each_subject_says_its_own_number() -> None:
    judgement = judge_history(with_status(with_outage(stream((5, OK, False), (10.1, OK, True))), away=(10, 20)))
    claims = {subject: judgement.by_subject[subject].claims for subject in Subject}
    assert claims[Subject.RECEIPTS] == ("0 violations in 3 receipts",)
    assert claims[Subject.RECOVERY] == ("0 violations in 1 fault",)
    assert claims[Subject.STATUS] == (
        "0 violations in 250 looks at the status (untrue for 0 s after a change at most)",
    )
    assert claims[Subject.CONTENTS] == ("0 violations in 4 operations (2 before, 2 during): at most 75 % at 95 %",)
    assert claims[Subject.GAUGE] == ()
    about = judgement.about([Subject.RECEIPTS, Subject.STATUS])
    assert about.claims == (*claims[Subject.RECEIPTS], *claims[Subject.STATUS])


def test_receipts_whose_effect_cannot_be_seen_are_counted_and_too_few_prove_nothing() -> None:
    run = Run()
    run.ask(Action.CREATE)
    for id in ("d0", "d1", "d2", "d3"):
        run.ask(Action.ADD, id)
        run.ask(Action.UPSERT, id, result=Result.INDETERMINATE)
        run.ask(Action.UPSERT, id)  # covers it
    covered = judge_history(run.history(outage=False)).about([Subject.RECEIPTS])
    (gap,) = [gap for gap in covered.gaps if "covered" in gap.sentence]
    assert gap.sentence == (
        "Of 4 writes that had no acknowledgement, 4 had their effect covered by later writes, "
        "and the effect of at least 1 has to be seen"
    )
    run.ask(Action.UPSERT, "d4", result=Result.INDETERMINATE)
    seen = judge_history(run.history(outage=False)).about([Subject.RECEIPTS])
    assert not any("covered" in gap.sentence for gap in seen.gaps)
    assert "5 of writes without an acknowledgement; the effect of 1 of these could be seen" in seen.claims[0]


# ---------------------------------------------------------------- what the load has to have been


def untested(history: History) -> list[str]:
    return [gap.sentence for gap in evidence(history)[1]]


def test_a_load_that_came_late_was_not_the_load() -> None:
    history = stream(*[(n / 10, OK, False) for n in range(40)])
    late = tuple(replace(one, due=one.invoked - 0.5) for one in history.operations)
    limited = replace(history, operations=late, header=replace(history.header, limits=Limits(late=0.25)))
    said = [gap.sentence for gap in recovery.check(View(limited)).gaps]
    assert any("began more than 500 ms late" in sentence for sentence in said)
    # What is there and what the log says is the same whenever it was asked for.
    assert not any("late" in sentence for sentence in untested(limited))


def test_too_few_deletes_are_not_tested() -> None:
    history = stream((1, OK, False))
    adds = replace(history, header=replace(history.header, limits=Limits(deletes=0.3)))
    assert any("0.0 % of the mutations were deletes, and at least 30%" in sentence for sentence in untested(adds))


def test_an_order_that_no_fault_cut_is_not_tested() -> None:
    run = Run()
    run.ask(Action.CREATE)
    run.ask(Action.ADD, "d", at=START + 5)
    run.ask(Action.DELETE, "d", at=START + 15)
    history = with_outage(run.history(outage=False))
    wanted = replace(history, header=replace(history.header, limits=Limits(cells=1)))
    said = next(sentence for sentence in untested(wanted) if "has to be cut" in sentence)
    assert "add-delete before|during" not in said
    assert "add-delete during|after 0 times" in said


# ---------------------------------------------------------------- faults on the way


def test_what_the_balancer_cannot_reach_it_may_call_unhealthy() -> None:
    writes = stream(*[(n, OK, False) for n in range(5, 30)])
    for target, lies in ((on_the_way_to("primary"), False), ("slack", True)):
        history = with_outage(writes, FaultKind.BLACK_HOLE, target)
        moments = [START + 9 + n / 10 for n in range(150)]
        probes = tuple(Probe(role, at, at + 0.01, True) for at in moments for role in Role)
        cut_off = [START + 11 <= at <= START + 20 for at in moments]
        statuses = tuple(
            StatusSample(at + 0.02, at + 0.03, {"primary": not away, "replica": True})
            for at, away in zip(moments, cut_off, strict=True)
        )
        judgement = judge_history(replace(history, probes=probes, statuses=statuses))
        assert bool(judgement.about([Subject.STATUS]).findings) is lies


def test_stages_are_told_when_they_are_proved() -> None:
    log, heard = FaultLog(), list[FaultEvent]()
    log.listeners.append(heard.append)
    log.proved(FaultKind.CRASH, "primary", 5.0, "refused")
    assert (log.effective_at, log.any_open) == (5.0, True)
    log.restored("primary", 6.0, "answered")
    log.restored("replica", 6.0, "answered")
    assert [(event.stage, event.target) for event in heard] == [(stage, "primary") for stage in Stage]
    assert not log.any_open


# ---------------------------------------------------------------- alerts


def told(*alerts: tuple[float, Role | None, bool], number: int | None = None) -> History:
    """The primary is down from 10 s to 20 s, and people are told this."""
    history = with_outage(stream((1, OK, False)))
    said = tuple(Alert(START + at, role, recovered, "an alert") for at, role, recovered in alerts)
    return replace(history, alerts=said, alert_reads=(AlertRead(START + 30, len(said) if number is None else number),))


def alerts_of(history: History) -> set[VerdictClass]:
    return {finding.verdict for finding in judge_history(history).about([Subject.ALERTS]).findings}


DOWN, UP = (10.5, Role.PRIMARY, False), (20.5, Role.PRIMARY, True)


def test_an_outage_and_its_end_told_once_are_right() -> None:
    assert judge_history(told(DOWN, UP)).about([Subject.ALERTS]).findings == ()


@pytest.mark.parametrize(
    ("alerts", "verdict"),
    [
        ([UP], VerdictClass.ALERT_MISSING),
        ([DOWN], VerdictClass.ALERT_MISSING),
        ([(15.0, Role.PRIMARY, False), UP], VerdictClass.ALERT_MISSING),
        ([DOWN, (11.0, Role.PRIMARY, False), UP], VerdictClass.ALERT_DUPLICATE),
        ([DOWN, UP, (21.0, Role.PRIMARY, True)], VerdictClass.ALERT_DUPLICATE),
        ([DOWN, UP, (12.0, Role.REPLICA, False)], VerdictClass.ALERT_WRONG),
        ([DOWN, UP, (2.0, Role.PRIMARY, False)], VerdictClass.ALERT_WRONG),
        ([DOWN, UP, (12.0, None, False)], VerdictClass.ALERT_WRONG),
    ],
)
def test_what_is_wrong_with_alerts_is_named(
    alerts: list[tuple[float, Role | None, bool]], verdict: VerdictClass
) -> None:
    assert alerts_of(told(*alerts)) == {verdict}


@pytest.mark.parametrize(
    ("target", "expected"),
    [(on_the_way_to("primary"), set()), (on_the_way_to("replica"), {VerdictClass.ALERT_WRONG})],
)
def test_an_instance_that_is_hard_to_reach_may_be_told_and_need_not_be(
    target: str, expected: set[VerdictClass]
) -> None:
    for alerts in ((), (DOWN, UP), (DOWN, UP, (15.0, Role.PRIMARY, False), UP)):
        disturbed = with_outage(told(*alerts), FaultKind.SLOW, target)
        assert alerts_of(disturbed) == (expected if alerts else set())


def test_alerts_that_were_not_read_whole_prove_nothing() -> None:
    judgement = judge_history(told(DOWN, UP, number=3)).about([Subject.ALERTS])
    assert judgement.findings == ()
    assert any("3 alerts were read and 2 are recorded" in gap.sentence for gap in judgement.gaps)


def test_the_message_of_a_history_shows_a_finding_of_each_class() -> None:
    lost = [Finding(VerdictClass.LOST, f"Document d{number} is missing") for number in range(5)]
    library = WorkloadLibrary()
    library._history = stocked(1).history(outage=False)
    library._judgement = Judgement((*lost, Finding(VerdictClass.STALE, "A read showed the past")), (), (), None)
    with pytest.raises(NotMet) as caught:
        library.history_should_show_no_violation()
    assert str(caught.value) == (
        "Not met: 6 violations (5 LOST, 1 STALE): LOST: Document d0 is missing; STALE: A read showed the past; "
        "LOST: Document d1 is missing; and 3 more"
    )
    assert verdict_classes(str(caught.value)) == (VerdictClass.LOST, VerdictClass.STALE)
