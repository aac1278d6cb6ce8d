"""Whatever fails while reads are shared out, the message says how the deployment was; also if a read itself fails."""

from __future__ import annotations

from typing import Any

import pytest

from signoff.checks import sharing
from signoff.clients.database import LogError
from signoff.documents import Document, embed
from signoff.faults.guard import Use
from signoff.verdict import CouldNotObserve, NotMet, VerdictClass


class Deployment:
    """A deployment whose reads are answered by one instance for a while, and then fail.

    Args:
        answered: how many reads are answered.
        log: whether the log can be asked.
    """

    def __init__(self, answered: int, *, log: bool = True) -> None:
        self._answered = answered
        self._log = log
        self.use = Use.ALONE
        self.guard = self.through_balancer = self.database = self.balancer = self
        self.id = "an id"

    def tracked(self, name: str) -> Any:
        return self

    def status(self) -> str:
        raise CouldNotObserve("the balancer did not answer: nothing within 10 s")

    def unserved(self) -> VerdictClass:
        return VerdictClass.UNAVAILABLE

    def documents_by_reference(self, reference: str) -> dict[str, Document]:
        self._answered -= 1
        if self._answered < 0:
            raise CouldNotObserve("the balancer answered to a read of documents with 500: broken")
        return {"w": Document("w", "primary", None, embed("w"))}

    def last_errors(self, number: int) -> list[LogError]:
        if not self._log:
            raise CouldNotObserve("PostgreSQL did not answer: closed")
        return [LogError("POST", "/api/v2/c/add", "failed", "replica answered 500")][:number]


def failure(monkeypatch: pytest.MonkeyPatch, bed: Any) -> str:
    """Return what is said when a read of the witness fails."""
    monkeypatch.setattr(sharing, "read_correctly", lambda *_: None)
    monkeypatch.setattr(sharing, "_witness", lambda _: "witness")
    monkeypatch.setattr(sharing, "_counters", lambda _: {"primary": 0, "replica": 0})
    with pytest.raises(NotMet) as raised:
        sharing.share(bed, "c", 0.5, 10)
    return str(raised.value)


def test_a_read_that_fails_is_told_with_its_context(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failure(monkeypatch, Deployment(3)) == (
        "Not met: UNAVAILABLE: read 4 of 10 failed: the balancer answered to a read of documents with 500: broken; "
        "status: not to be had (the balancer did not answer: nothing within 10 s); "
        "share so far: 3 on the primary, 0 on the replica; "
        "last errors in the log: POST /api/v2/c/add (failed): replica answered 500"
    )


def test_a_log_that_cannot_be_asked_hides_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    said = failure(monkeypatch, Deployment(0, log=False))
    assert "read 1 of 10 failed" in said
    assert said.endswith("last errors in the log: not to be had (PostgreSQL did not answer: closed)")
