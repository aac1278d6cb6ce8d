"""Laws: an honest deployment is never condemned, and a single thing gone wrong is always named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pytest
from honest_deployment import START, Run, holding, logged, runs, with_final
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signoff.checkers.judging import judge_history
from signoff.checkers.registers import result
from signoff.data_types import Role
from signoff.documents import Document, embed
from signoff.history import Action, History, Operation, Result
from signoff.ledger import Change, Kind, after
from signoff.verdict import Outcome
from signoff.verdict import VerdictClass as V

slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100)
some = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=8)
SHOP = "shop"


def write(run: Run, action: Action, *ids: str, result: Result = Result.OK, effect: bool = True) -> Operation:
    return run.ask(action, *ids, collection=SHOP, client="victim", result=result, effect=effect)


class Planted(NamedTuple):
    """A history with something wrong, and what it has to be called; ``also`` is true of it as well."""

    history: History
    verdict: V
    also: frozenset[V] = frozenset({V.DIVERGED})


Plant = Callable[[Run, Role, st.DataObject], Planted]


def lost(run: Run, role: Role, data: st.DataObject) -> Planted:
    write(run, Action.ADD, "v")
    return Planted(holding(run.history(), role, "v", None, SHOP), V.LOST)


def lost_collection(run: Run, role: Role, data: st.DataObject) -> Planted:
    gone = with_final(run.history(), role, SHOP, found=False, ids=(), token=None)
    return Planted(gone, V.LOST)


def rolled_back(run: Run, role: Role, data: st.DataObject) -> Planted:
    first = write(run, Action.ADD, "v")
    write(run, data.draw(st.sampled_from([Action.UPSERT, Action.UPDATE])), "v")
    return Planted(holding(run.history(), role, "v", first.written("v"), SHOP), V.ROLLED_BACK)


def resurrected(run: Run, role: Role, data: st.DataObject) -> Planted:
    first = write(run, Action.ADD, "v")
    write(run, Action.DELETE, "v")
    return Planted(holding(run.history(), role, "v", first.written("v"), SHOP), V.RESURRECTED)


def resurrected_collection(run: Run, role: Role, data: st.DataObject) -> Planted:
    made = run.asked[-1].operation
    run.ask(Action.DROP, collection=SHOP, client="victim")
    there = with_final(run.history(), role, SHOP, found=True, ids=("again",), token=made.token)
    return Planted(there, V.RESURRECTED, frozenset({V.DIVERGED, V.BAD_MAPPING}))


def resurrected_into_the_next_collection(run: Run, role: Role, data: st.DataObject) -> Planted:
    first = write(run, Action.ADD, "v")
    run.ask(Action.DROP, collection=SHOP, client="victim")
    run.ask(Action.CREATE, collection=SHOP, client="victim", incarnation=2)
    return Planted(holding(run.history(), role, "v", first.written("v"), SHOP), V.RESURRECTED)


def late_replay(run: Run, role: Role, data: st.DataObject) -> Planted:
    write(run, Action.ADD, "v")
    late = write(run, Action.UPSERT, "v", result=Result.INDETERMINATE)
    write(run, data.draw(st.sampled_from([Action.UPSERT, Action.DELETE])), "v")
    return Planted(holding(run.history(), role, "v", late.written("v"), SHOP), V.LATE_REPLAY)


def late_delete(run: Run, role: Role, data: st.DataObject) -> Planted:
    write(run, Action.ADD, "v")
    write(run, Action.DELETE, "v", result=Result.INDETERMINATE)
    write(run, Action.UPSERT, "v")
    return Planted(holding(run.history(), role, "v", None, SHOP), V.LATE_REPLAY)


def phantom(run: Run, role: Role, data: st.DataObject) -> Planted:
    nobody = Document("v", "Document v nobody", {"token": "nobody"}, embed("Document v nobody"))
    return Planted(holding(run.history(), role, "v", nobody, SHOP), V.PHANTOM)


def refused_and_there(run: Run, role: Role, data: st.DataObject) -> Planted:
    refused = run.ask(Action.ADD, "v", collection=SHOP, client="victim", result=Result.FAIL, sent=False)
    return Planted(holding(run.history(), role, "v", refused.written("v"), SHOP), V.PHANTOM)


def crossed(run: Run, role: Role, data: st.DataObject) -> Planted:
    write(run, Action.ADD, "v")
    other = write(run, Action.ADD, "w")
    moved = replace(other.written("w"), id="v")
    return Planted(holding(run.history(), role, "v", moved, SHOP), V.CROSSED)


def mangled(run: Run, role: Role, data: st.DataObject) -> Planted:
    one = run.ask(Action.ADD, "v", collection=SHOP, client="victim", metadata={"number": 1}).written("v")
    wrong = data.draw(
        st.sampled_from(
            [
                replace(one, text=None),
                replace(one, text="something else"),
                replace(one, metadata=None),
                replace(one, metadata={**(one.metadata or {}), "number": True}),
                replace(one, metadata={**(one.metadata or {}), "more": 1}),
                replace(one, embedding=(0.0,) * len(one.embedding)),
                replace(one, embedding=one.embedding[:-1]),
                Document("v", "", None, ()),
            ]
        )
    )
    return Planted(holding(run.history(), role, "v", wrong, SHOP), V.MANGLED)


def partial(run: Run, role: Role, data: st.DataObject) -> Planted:
    ids = data.draw(st.sets(st.sampled_from("vwxyz"), min_size=2))
    cut = data.draw(st.sets(st.sampled_from(sorted(ids)), min_size=1, max_size=len(ids) - 1))
    unsure = data.draw(st.booleans())
    batch = write(run, Action.ADD, *sorted(ids), result=Result.INDETERMINATE if unsure else Result.OK)
    history = logged(run.history(), batch, "RECOVERED" if unsure else "COMPLETED")
    for id in cut:
        history = holding(history, role, id, None, SHOP)
    return Planted(history, V.PARTIAL, frozenset({V.DIVERGED, V.LOST, V.FALSE_RECEIPT}))


def diverged(run: Run, role: Role, data: st.DataObject) -> Planted:
    first = write(run, Action.ADD, "v")
    unsure = write(run, Action.UPSERT, "v", result=Result.INDETERMINATE)
    history = replace(run.history(), log_rows=(), log_reads=())
    other = Role.PRIMARY if role is Role.REPLICA else Role.REPLICA
    history = holding(history, role, "v", first.written("v"), SHOP)
    return Planted(holding(history, other, "v", unsure.written("v"), SHOP), V.DIVERGED)


def duplicated(run: Run, role: Role, data: st.DataObject) -> Planted:
    one = write(run, Action.ADD, "v").written("v")
    return Planted(with_final(run.history(), role, SHOP, documents=(one, one), counted=2), V.DUPLICATED)


def logged_twice(run: Run, role: Role, data: st.DataObject) -> Planted:
    one = write(run, Action.ADD, "v")
    history = run.history()
    row = next(row for row in history.log_rows if row.operation == one.id)
    rows = (*history.log_rows, replace(row, transaction="again"))
    reads = (replace(history.log_reads[0], rows=len(rows)),)
    return Planted(replace(history, log_rows=rows, log_reads=reads), V.DUPLICATED)


def stale(run: Run, role: Role, data: st.DataObject) -> Planted:
    first = write(run, Action.ADD, "v")
    write(run, data.draw(st.sampled_from([Action.UPSERT, Action.DELETE])), "v")
    run.now += 3
    read = run.ask(Action.GET, "v", collection=SHOP, client="reader")
    return Planted(reading(run.history(), read, first.written("v")), V.STALE)


def reading(history: History, read: Operation, *found: Document) -> History:
    operations = [replace(one, found=found) if one.id == read.id else one for one in history.operations]
    return replace(history, operations=tuple(operations))


def unlogged(run: Run, role: Role, data: st.DataObject) -> Planted:
    unsure = data.draw(st.sampled_from(list(Result)))
    one = run.ask(Action.ADD, "v", collection=SHOP, client="victim", result=unsure, effect=False)
    return Planted(logged(run.history(), one, None), V.UNLOGGED)


def false_receipt(run: Run, role: Role, data: st.DataObject) -> Planted:
    unsure = data.draw(st.sampled_from([Result.FAIL, Result.INDETERMINATE]))
    one = run.ask(Action.UPSERT, "v", collection=SHOP, client="victim", result=unsure, effect=False)
    return Planted(logged(run.history(), one, data.draw(st.sampled_from(["COMPLETED", "RECOVERED"]))), V.FALSE_RECEIPT)


def false_denial(run: Run, role: Role, data: st.DataObject) -> Planted:
    unsure = data.draw(st.sampled_from([Result.OK, Result.INDETERMINATE]))
    one = run.ask(Action.UPSERT, "v", collection=SHOP, client="victim", result=unsure)
    return Planted(logged(run.history(), one, data.draw(st.sampled_from(["FAILED", "ABANDONED"]))), V.FALSE_DENIAL)


def ghost(run: Run, role: Role, data: st.DataObject) -> Planted:
    one = write(run, Action.ADD, "v", result=Result.INDETERMINATE)
    return Planted(logged(run.history(), one, None), V.GHOST)


def stuck(run: Run, role: Role, data: st.DataObject) -> Planted:
    one = write(run, Action.ADD, "v", result=Result.INDETERMINATE, effect=data.draw(st.booleans()))
    return Planted(logged(run.history(), one, "ATTEMPTING"), V.STUCK)


def own_write_not_read(run: Run, role: Role, data: st.DataObject) -> Planted:
    write(run, Action.ADD, "v")
    read = run.ask(Action.GET, "v", collection=SHOP, client="victim")
    return Planted(reading(run.history(), read), V.READ_YOUR_WRITES)


def read_backwards(run: Run, role: Role, data: st.DataObject) -> Planted:
    first = write(run, Action.ADD, "v")
    write(run, Action.UPSERT, "v")
    run.ask(Action.GET, "v", collection=SHOP, client="reader")
    read = run.ask(Action.GET, "v", collection=SHOP, client="reader")
    return Planted(reading(run.history(), read, first.written("v")), V.MONOTONIC_READS)


def collateral(run: Run, role: Role, data: st.DataObject) -> Planted:
    history = run.history()
    now = data.draw(st.sampled_from([{}, {"theirs": "changed"}]))
    digests = [*history.digests[:-1], replace(history.digests[-1], collections=now)]
    return Planted(replace(history, digests=tuple(digests)), V.COLLATERAL)


def bad_mapping(run: Run, role: Role, data: st.DataObject) -> Planted:
    history = run.history()
    rows = list(history.mappings[0].rows)
    index = next(index for index, row in enumerate(rows) if row[0] == SHOP)
    name, primary, replica = rows[index]
    wrong: list[tuple[str, str | None, str | None]] = data.draw(
        st.sampled_from([[], [rows[index]] * 2, [(name, None, replica)], [(name, primary, primary)]])
    )
    rows[index : index + 1] = wrong
    return Planted(replace(history, mappings=(replace(history.mappings[0], rows=tuple(rows)),)), V.BAD_MAPPING)


def protocol(run: Run, role: Role, data: st.DataObject) -> Planted:
    one = write(run, Action.ADD, "v", result=Result.INDETERMINATE)
    history = run.history()
    wire = replace(one.wire, status=200, violation="a success without a body")
    operations = [replace(own, wire=wire) if own.id == one.id else own for own in history.operations]
    return Planted(replace(history, operations=tuple(operations)), V.PROTOCOL)


def through_a_long_outage(run: Run) -> History:
    for number in range(60):
        run.ask(Action.ADD, f"v{number}", collection=SHOP, client="victim", takes=0.4)
    return run.history()


def blind_gauge(run: Run, role: Role, data: st.DataObject) -> Planted:
    history = through_a_long_outage(run)
    return Planted(replace(history, gauges=tuple(replace(one, owed=0) for one in history.gauges)), V.BLIND_GAUGE)


def lying_status(run: Run, role: Role, data: st.DataObject) -> Planted:
    history = through_a_long_outage(run)
    said = data.draw(st.sampled_from([None, {"primary": True, "replica": True}, {"primary": False, "replica": True}]))
    statuses = tuple(replace(one, healthy=said) if said else one for one in history.statuses)
    if said is None:
        statuses = tuple(replace(one, healthy=None) if one.started > (START + run.now) / 2 else one for one in statuses)
    return Planted(replace(history, statuses=statuses), V.LYING_STATUS)


def wrongly_gone(run: Run, role: Role, data: st.DataObject) -> Planted:
    run.now += 3
    read = run.ask(Action.GET, "v", collection=SHOP, client="reader")
    history = run.history()
    operations = [replace(one, gone=True) if one.id == read.id else one for one in history.operations]
    return Planted(replace(history, operations=tuple(operations)), V.STALE)


def still_owed(run: Run, role: Role, data: st.DataObject) -> Planted:
    history = run.history()
    return Planted(replace(history, gauges=(*history.gauges, replace(history.gauges[-1], owed=3))), V.NOT_CONVERGED)


PLANTS: tuple[Plant, ...] = (
    lost, lost_collection, rolled_back, resurrected, resurrected_collection, resurrected_into_the_next_collection,
    late_replay, late_delete, phantom, refused_and_there, crossed, mangled, partial, diverged, duplicated,
    logged_twice, stale, unlogged, false_receipt, false_denial, ghost, stuck, own_write_not_read, read_backwards,
    collateral, bad_mapping, protocol, still_owed, blind_gauge, lying_status, wrongly_gone,
)  # fmt: skip


@slow
@given(runs(), st.booleans())
def test_an_honest_deployment_is_never_condemned(run: Run, log_read: bool) -> None:
    history = run.history()
    if not log_read:
        history = replace(history, log_rows=(), log_reads=())
    judgement = judge_history(history)
    assert [str(finding) for finding in (*judgement.findings, *judgement.apart)] == []
    assert [gap for gap in judgement.gaps if gap.outcome is Outcome.COULD_NOT_BE_TESTED] == []


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
@some
@given(run=runs(), role=st.sampled_from(Role), data=st.data())
def test_a_planted_violation_is_named(plant: Plant, run: Run, role: Role, data: st.DataObject) -> None:
    run.ask(Action.CREATE, collection=SHOP, client="victim")
    planted = plant(run, role, data)
    judgement = judge_history(planted.history)
    assert planted.verdict in judgement.classes, judgement
    assert judgement.classes <= {planted.verdict, *planted.also}, judgement


@given(
    st.lists(st.tuples(st.sampled_from(Kind), st.integers(0, 3))),
)
def test_registers_change_as_documents_do(changes: list[tuple[Kind, int]]) -> None:
    value: str | None = None
    state: Document | None = None
    for kind, token in changes:
        value = result(Action[kind.name], str(token), value)
        state = after(Change.of(kind, Document("d", str(token), None, (0.0,))), state)
    assert value == (None if state is None else state.text)
