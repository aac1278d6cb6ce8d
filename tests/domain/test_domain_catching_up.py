"""Each owed document is timed by itself, and is not called exact before it stays so."""

from __future__ import annotations

from signoff.checks.catching_up import note_exact
from signoff.documents import by_id, make_documents, rewritten
from signoff.ledger import Change, Kind, Ledger
from signoff.outcomes import Effect

ONE, TWO, THREE = make_documents("d", 3, token="t")


def test_each_document_is_timed_when_it_is_first_exact() -> None:
    ledger = Ledger()
    ledger.note([Change.of(Kind.ADD, document) for document in (ONE, TWO, THREE)], Effect.DONE)
    exact: dict[str, float] = {}
    registers = ledger.registers()
    note_exact(exact, registers, {}, 0.1)
    assert exact == {}
    note_exact(exact, registers, by_id([ONE, rewritten(TWO, "another")]), 0.2)
    assert exact == {ONE.id: 0.2}
    note_exact(exact, registers, by_id([ONE, TWO]), 0.3)
    assert exact == {ONE.id: 0.2, TWO.id: 0.3}


def test_what_goes_again_has_to_come_again() -> None:
    ledger = Ledger()
    ledger.note([Change.of(Kind.ADD, ONE)], Effect.DONE)
    exact: dict[str, float] = {}
    for after, seen in ((0.1, [ONE]), (0.2, []), (0.4, [ONE])):
        note_exact(exact, ledger.registers(), by_id(seen), after)
    assert exact == {ONE.id: 0.4}
