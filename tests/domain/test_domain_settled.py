"""What must change nothing is looked at when the log owes nothing, and not at the first look that seems good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from signoff.checks import audit, settled
from signoff.clients.client import Write
from signoff.clients.database import LogRow, SessionRow, Transaction
from signoff.clients.wire import Reply
from signoff.documents import Document, make_documents
from signoff.ledger import Change, Kind, Ledger
from signoff.outcomes import Effect
from signoff.verdict import NotMet

NOW = datetime(2026, 1, 1)
DOCUMENT = make_documents("d", 1, token="first")[0]
LATER = make_documents("d", 1, token="late")[0]


def row(status: str) -> LogRow:
    return LogRow("w1", 1, "POST", "/c/add", None, status, None, NOW, None, None, None)


class Deployment:
    """A deployment whose log owes something for some looks, and whose replica then applies something, or does not.

    Args:
        owing: what the log says, look by look; the last one stays.
        late: what the replica holds once nothing is owed.
    """

    def __init__(self, owing: Sequence[str], late: Document | None) -> None:
        self._owing = list(owing)
        self._late = late
        self.ledger = Ledger()
        self.database = self
        self.transaction: Transaction | None = None
        self.written: list[Write] = []

    def log_rows(self, name: str) -> list[LogRow]:
        return [row(self._owing.pop(0) if len(self._owing) > 1 else self._owing[0])]

    def rows_of_sessions(self, sessions: Sequence[str]) -> list[SessionRow]:
        return [SessionRow(sessions[0], self.log_rows("c")[0].status)]

    def transactions(self, sessions: Sequence[str]) -> list[Transaction]:
        return [self.transaction] if self.transaction else []

    def tracked(self, name: str) -> Any:
        return self

    def writes(self, session: str) -> list[Write]:
        return self.written

    def instance(self, role: str) -> Any:
        applied = role == "replica" and self._owing in (["synced"], ["rejected"])
        return Reader(self._late if applied else self.ledger.documents().get(DOCUMENT.id))


class Reader:
    def __init__(self, document: Document | None) -> None:
        self._document = document

    def read_documents(self, name: str) -> dict[str, Document]:
        return {self._document.id: self._document} if self._document else {}


def look(owing: Sequence[str], late: Document | None) -> tuple[float, int]:
    bed: Any = Deployment(owing, late)
    bed.ledger.note([Change.of(Kind.ADD, DOCUMENT)], Effect.DONE)
    return settled.hold_exactly(bed, ["c"], ("primary", "replica"), timedelta(seconds=2))


def test_what_holds_when_nothing_is_owed_holds() -> None:
    assert look(["executed", "executed", "synced"], DOCUMENT)[1] == 2


def test_a_replay_that_changes_something_is_seen_although_the_first_look_was_good() -> None:
    with pytest.raises(NotMet, match=r"MANGLED: document d-0001 was added .* and differs on the replica"):
        look(["executed", "executed", "synced"], LATER)


def test_a_log_that_goes_on_owing_is_named() -> None:
    bed: Any = Deployment(["executed"], DOCUMENT)
    with pytest.raises(NotMet, match=r"The log owes nothing for c: .*NOT-CONVERGED: 1 row owed in the log"):
        settled.hold_exactly(bed, ["c"], ("primary",), timedelta(milliseconds=50))


def test_the_effect_of_a_refused_write_that_comes_with_a_late_replay_is_seen() -> None:
    """The log says that it was given up, and the first look, before the replay, agrees with that."""
    bed: Any = Deployment(["pending", "pending", "rejected"], DOCUMENT)
    refusal = Reply("the balancer", 503, {}, b"{}")
    bed.written = [Write("s/1", "add", "c", (DOCUMENT,), "POST", "/c/add", "{}", 0.0, 1.0, NOW, refusal)]
    bed.transaction = Transaction("t1", "s/1", "POST", "/c/add", "{}", "FAILED", None, 503, NOW, NOW)
    with pytest.raises(NotMet, match=r"FALSE-DENIAL: the add of d-0001 is logged as FAILED, .* there on the replica"):
        audit.accounted_for(bed, "s", timedelta(seconds=1))


@pytest.mark.parametrize(
    ("status", "finding"),
    [
        ("rejected", ""),
        ("pending", "NOT-CONVERGED: the refused request with session s has 1 row in the log that says pending"),
        ("executed", "NOT-CONVERGED: "),
        ("synced", "PHANTOM: "),
        ("failed", "PHANTOM: "),
    ],
)
def test_a_refused_request_is_rejected_in_the_log_or_has_no_row(status: str, finding: str) -> None:
    found = settled.refused_row_findings([SessionRow("s", status)])
    assert bool(found) is bool(finding)
    assert "".join(found).startswith(finding)
    assert settled.refused_row_findings([]) == []


def test_a_row_that_is_about_to_be_rejected_is_waited_for() -> None:
    bed: Any = Deployment(["pending", "rejected"], None)
    settled.never_owed(bed, ["s"], timedelta(seconds=1))
    with pytest.raises(NotMet, match=r"The log owes nothing of 1 refused request: .*NOT-CONVERGED"):
        settled.never_owed(Deployment(["executed"], None), ["s"], timedelta(milliseconds=20))  # type: ignore[arg-type]
