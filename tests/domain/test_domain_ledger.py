"""The ledger allows exactly what may be there, whatever became of the writes that nobody answered."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.clients.wire import NoAnswer, Reply
from signoff.documents import Document, by_id, make_documents, rewritten
from signoff.ledger import Change, Kind, Ledger, after, arrived_in_part, judge
from signoff.outcomes import Effect, effect_of
from signoff.verdict import VerdictClass, verdict_classes

ONE = make_documents("d", 1, token="1")[0]
TWO, THREE = rewritten(ONE, "2"), rewritten(ONE, "3")

steps = st.lists(
    st.tuples(
        st.sampled_from(Kind),
        st.sampled_from(["a", "b"]),
        st.integers(0, 3),
        st.sampled_from(Effect),
        st.booleans(),
    ),
    max_size=8,
)


def write(kind: Kind, id: str, token: int) -> Change:
    return Change.of(kind, rewritten(Document(id, "", {"own": id}, (0.0,)), str(token)))


def ledger_of(*changes: tuple[Kind, Document, Effect]) -> Ledger:
    ledger = Ledger(clock=lambda: datetime(2026, 1, 1, 10, 2, 3, 120_000))
    for kind, document, effect in changes:
        ledger.note([Change.of(kind, document)], effect)
    return ledger


def findings(ledger: Ledger, *seen: Document) -> list[str]:
    return judge(ledger.registers(), {document.id: document for document in seen}, "on the replica")


@given(steps)
def test_an_honest_deployment_is_never_blamed(
    history: list[tuple[Kind, str, int, Effect, bool]],
) -> None:
    """Whatever an indeterminate write did at its time, it may have done."""
    ledger, store = Ledger(), dict[str, Document]()
    for kind, id, token, effect, applied in history:
        change = write(kind, id, token)
        ledger.note([change], effect)
        if effect is Effect.DONE or (effect is Effect.UNKNOWN and applied):
            state = after(change, store.pop(id, None))
            if state is not None:
                store[id] = state
    assert judge(ledger.registers(), store) == []


@given(steps)
def test_when_every_outcome_is_known_exactly_one_content_is_allowed(
    history: list[tuple[Kind, str, int, Effect, bool]],
) -> None:
    ledger = Ledger()
    for kind, id, token, effect, _ in history:
        if effect is not Effect.UNKNOWN:
            ledger.note([write(kind, id, token)], effect)
    content = ledger.documents()
    assert judge(ledger.registers(), content) == []
    for id in content:
        assert judge(ledger.registers(), {other: content[other] for other in content if other != id})
    assert judge(ledger.registers(), {**content, "nobody": ONE})


@given(steps, st.sampled_from([Kind.UPSERT, Kind.DELETE]))
def test_an_acknowledged_upsert_or_delete_decides_whatever_came_before(
    history: list[tuple[Kind, str, int, Effect, bool]], last: Kind
) -> None:
    ledger = Ledger()
    for kind, _, token, effect, _ in history:
        ledger.note([write(kind, "a", token)], effect)
    ledger.note([write(last, "a", 9)], Effect.DONE)
    assert len(ledger.registers()["a"].allowed) == 1


def test_a_lost_document_is_named_with_its_acknowledgement() -> None:
    assert findings(ledger_of((Kind.ADD, ONE, Effect.DONE))) == [
        "LOST: document d-0001 was added (acknowledged 10:02:03.120) and is missing on the replica"
    ]


def test_a_deleted_document_that_is_there_is_named() -> None:
    ledger = ledger_of((Kind.ADD, ONE, Effect.DONE), (Kind.DELETE, ONE, Effect.DONE))
    assert findings(ledger, ONE) == [
        "RESURRECTED: document d-0001 was deleted (acknowledged 10:02:03.120) and is present on the replica"
    ]


def test_an_earlier_content_is_told_from_a_mangled_one() -> None:
    ledger = ledger_of((Kind.ADD, ONE, Effect.DONE), (Kind.UPDATE, TWO, Effect.DONE))
    assert findings(ledger, ONE) == [
        "ROLLED-BACK: document d-0001 was updated (acknowledged 10:02:03.120) and has an earlier content on the replica"
    ]
    (mangled,) = findings(ledger, THREE)
    assert mangled.startswith(
        "MANGLED: document d-0001 was updated (acknowledged 10:02:03.120) and differs on the replica"
    )
    assert ": text is " in mangled


def test_a_document_that_nobody_wrote_is_named() -> None:
    assert findings(Ledger(), ONE) == ["PHANTOM: document d-0001 is present on the replica, and nobody wrote it"]


@pytest.mark.parametrize(
    ("changes", "seen", "named"),
    [
        # Refused, and there all the same: nobody's document, and never there before.
        ([(Kind.ADD, ONE, Effect.NONE)], ONE, VerdictClass.PHANTOM),
        ([(Kind.ADD, ONE, Effect.NONE), (Kind.DELETE, ONE, Effect.DONE)], ONE, VerdictClass.PHANTOM),
        ([(Kind.UPDATE, ONE, Effect.DONE)], ONE, VerdictClass.PHANTOM),
        # Deleted, and there in whatever form.
        ([(Kind.ADD, ONE, Effect.DONE), (Kind.DELETE, ONE, Effect.DONE)], TWO, VerdictClass.RESURRECTED),
        # A write that failed, and whose client then went on.
        ([(Kind.ADD, ONE, Effect.UNKNOWN), (Kind.DELETE, ONE, Effect.DONE)], ONE, VerdictClass.LATE_REPLAY),
        (
            [(Kind.ADD, ONE, Effect.DONE), (Kind.UPDATE, TWO, Effect.UNKNOWN), (Kind.UPSERT, THREE, Effect.DONE)],
            TWO,
            VerdictClass.LATE_REPLAY,
        ),
        # What failed first was acknowledged when it was sent again: from then on it was there.
        (
            [(Kind.UPSERT, ONE, Effect.UNKNOWN), (Kind.UPSERT, ONE, Effect.DONE), (Kind.UPSERT, TWO, Effect.DONE)],
            ONE,
            VerdictClass.ROLLED_BACK,
        ),
        # It was there before the write that failed, too.
        (
            [
                (Kind.ADD, ONE, Effect.DONE),
                (Kind.UPSERT, TWO, Effect.DONE),
                (Kind.UPSERT, ONE, Effect.UNKNOWN),
                (Kind.UPSERT, THREE, Effect.DONE),
            ],
            ONE,
            VerdictClass.ROLLED_BACK,
        ),
        # Never acknowledged, but asked for: it may be there, but not otherwise.
        ([(Kind.ADD, ONE, Effect.UNKNOWN)], TWO, VerdictClass.MANGLED),
    ],
)
def test_each_case_has_its_class(
    changes: list[tuple[Kind, Document, Effect]], seen: Document, named: VerdictClass
) -> None:
    (finding,) = findings(ledger_of(*changes), seen)
    assert verdict_classes(finding) == (named,)


@given(steps, st.none() | st.integers(0, 9))
def test_every_finding_has_one_class(history: list[tuple[Kind, str, int, Effect, bool]], token: int | None) -> None:
    ledger = Ledger()
    for kind, id, number, effect, _ in history:
        ledger.note([write(kind, id, number)], effect)
    seen = {} if token is None else {id: after(write(Kind.UPSERT, id, token), None) for id in ("a", "b")}
    for finding in judge(ledger.registers(), {id: state for id, state in seen.items() if state is not None}):
        assert len(verdict_classes(finding)) == 1, finding


MANY = make_documents("d", 10, token="1")


def added_at_once(*more: Change) -> Ledger:
    ledger = Ledger(clock=lambda: datetime(2026, 1, 1, 10, 2, 3, 120_000))
    ledger.note([Change.of(Kind.ADD, document) for document in MANY], Effect.DONE)
    for change in more:
        ledger.note([change], Effect.DONE)
    return ledger


def test_a_request_of_which_a_part_is_on_no_instance_took_effect_in_part() -> None:
    found = arrived_in_part(added_at_once().batches(), [by_id(MANY[:4]), by_id(MANY[:3])])
    assert sorted(found) == [document.id for document in MANY[4:]]
    assert set(found.values()) == {
        "PARTIAL: document d-0005 was added (acknowledged 10:02:03.120) and is missing on each instance, "
        "and 4 of the 10 documents of its request are there"
    }


@pytest.mark.parametrize(
    ("ledger", "primary", "replica"),
    [
        (added_at_once(), MANY, MANY[:4]),  # lost on the way to the replica
        (added_at_once(), [], []),  # nothing of it arrived
        (
            added_at_once(Change(Kind.DELETE, "other")),
            MANY[:4],
            MANY[:4],
        ),  # a delete may have taken more than it should
        (ledger_of((Kind.ADD, MANY[0], Effect.DONE), (Kind.ADD, MANY[1], Effect.DONE)), MANY[:1], MANY[:1]),
    ],
)
def test_what_may_be_lost_otherwise_is_not_called_partial(
    ledger: Ledger, primary: list[Document], replica: list[Document]
) -> None:
    assert arrived_in_part(ledger.batches(), [by_id(primary), by_id(replica)]) == {}


def test_an_indeterminate_write_may_be_there_or_not_until_a_later_one_decides() -> None:
    ledger = ledger_of((Kind.ADD, ONE, Effect.DONE), (Kind.UPDATE, TWO, Effect.UNKNOWN))
    assert findings(ledger, ONE) == []
    assert findings(ledger, TWO) == []
    assert findings(ledger) != []
    ledger.note([Change.of(Kind.UPSERT, THREE)], Effect.DONE)
    assert findings(ledger, THREE) == []
    assert findings(ledger, TWO) != []  # a late replay


def test_a_refused_write_changes_nothing() -> None:
    ledger = ledger_of((Kind.ADD, ONE, Effect.DONE), (Kind.DELETE, ONE, Effect.NONE))
    assert findings(ledger, ONE) == []
    assert findings(ledger) != []


def test_writes_do_what_chroma_does() -> None:
    assert after(Change.of(Kind.ADD, TWO), ONE) is ONE
    assert after(Change.of(Kind.UPDATE, TWO), None) is None
    merged = after(Change(Kind.UPSERT, "d-0001", metadata={"more": 1}), ONE)
    assert merged == Document(ONE.id, ONE.text, {**(ONE.metadata or {}), "more": 1}, ONE.embedding)


def reply(status: int, body: bytes = b"{}", **headers: str) -> Reply:
    return Reply("the balancer", status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def test_what_an_answer_says_about_a_writes_effect() -> None:
    assert effect_of(reply(201)) is Effect.DONE
    assert effect_of(reply(200, b'{"error": "InternalError"}')) is Effect.UNKNOWN
    assert effect_of(reply(200, b"")) is Effect.UNKNOWN
    assert effect_of(reply(200, b'{"ids": ["tr')) is Effect.UNKNOWN
    assert effect_of(reply(503)) is Effect.UNKNOWN
    assert effect_of(reply(503, x_effect="none")) is Effect.NONE
    assert effect_of(reply(400)) is Effect.NONE
    assert effect_of(reply(422)) is Effect.NONE
    assert effect_of(reply(404)) is Effect.UNKNOWN
    assert effect_of(reply(409)) is Effect.UNKNOWN
    assert effect_of(reply(429)) is Effect.UNKNOWN
    assert effect_of(NoAnswer("the balancer", "refused", sent=False)) is Effect.NONE
    assert effect_of(NoAnswer("the balancer", "timeout", sent=True)) is Effect.UNKNOWN


def test_none_removes_a_value_of_the_metadata_and_a_uri_stays_unless_another_is_given() -> None:
    before = Document("d", "t", {"kept": 1, "gone": 2}, (1.0,), "s3://a")
    emptied = after(Change(Kind.UPDATE, "d", metadata={"gone": None}), before)
    assert emptied == Document("d", "t", {"kept": 1}, (1.0,), "s3://a")
    moved = after(Change(Kind.UPSERT, "d", uri="s3://b"), emptied)
    assert moved == Document("d", "t", {"kept": 1}, (1.0,), "s3://b")
