"""The ledger allows exactly what may be there, whatever became of the writes that nobody answered."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from signoff.clients.wire import NoAnswer, Reply
from signoff.documents import Document, make_documents, rewritten
from signoff.ledger import Change, Kind, Ledger, after, judge
from signoff.outcomes import Effect, effect_of

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
        "document d-0001 was added (acknowledged 10:02:03.120) and is missing on the replica"
    ]


def test_a_deleted_document_that_is_there_is_named() -> None:
    ledger = ledger_of((Kind.ADD, ONE, Effect.DONE), (Kind.DELETE, ONE, Effect.DONE))
    assert findings(ledger, ONE) == [
        "document d-0001 was deleted (acknowledged 10:02:03.120) and is present on the replica"
    ]


def test_an_earlier_content_is_told_from_a_mangled_one() -> None:
    ledger = ledger_of((Kind.ADD, ONE, Effect.DONE), (Kind.UPDATE, TWO, Effect.DONE))
    assert "has an earlier content" in findings(ledger, ONE)[0]
    assert "differs on the replica: text is" in findings(ledger, THREE)[0]


def test_a_document_that_nobody_wrote_is_named() -> None:
    assert findings(Ledger(), ONE) == ["document d-0001 is present on the replica, and nobody wrote it"]


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
