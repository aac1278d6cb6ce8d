"""gzip is compared where it is used, said where it is not, and never half taken."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from signoff.checks import compression
from signoff.clients.wire import Reply
from signoff.documents import Document, make_documents, payload
from signoff.ledger import Ledger
from signoff.verdict import NotMet, VerdictClass

ONE, TWO = make_documents("d", 2, token="t")


class Deployment:
    """A balancer that answers reads and writes with what it is given.

    Args:
        plain, packed: the documents in an answer without and with gzip.
        encoding: what the header of an answer to a read that accepts gzip says; "" for none.
        taken: the status of a request that is gzip.
    """

    def __init__(self, plain: list[Document], packed: list[Document], encoding: str = "", taken: int = 400) -> None:
        self._answers = {"identity": (plain, ""), "gzip": (packed, encoding)}
        self._taken = taken
        self.through_balancer = self.wire = self.balancer = self.database = self
        self.environment = SimpleNamespace(limits=SimpleNamespace(sync_lag_max=timedelta(milliseconds=50)))
        self.ledger = Ledger()
        self.id = "an id"
        self.pending_writes = 0
        self.stored: list[Document] = []

    def uuid_of(self, name: str) -> str:
        return self.id

    def call(self, method: str, path: str, **request: Any) -> Reply:
        if path.endswith("/add"):
            body = json.loads(gzip.decompress(request["data"]))
            assert request["headers"]["Content-Encoding"] == "gzip"
            assert len(body["ids"]) == 1
            return Reply("the balancer", self._taken, {}, b"{}")
        documents, encoding = self._answers[request["headers"]["Accept-Encoding"]]
        headers = {"content-encoding": encoding} if encoding else {}
        return Reply("the balancer", 200, headers, json.dumps(payload(documents)).encode())

    def session(self, stem: str) -> str:
        return f"{stem}-1"

    def status(self) -> Any:
        return self

    def tracked(self, name: str) -> Any:
        return self

    def instance(self, role: str) -> Any:
        return self

    def unserved(self, status: int | None = None) -> VerdictClass:
        return VerdictClass.UNAVAILABLE

    def rows_of_sessions(self, sessions: list[str]) -> list[Any]:
        return []

    def log_rows(self, name: str) -> list[Any]:
        return []

    def read_documents(self, name: str) -> dict[str, Document]:
        return {document.id: document for document in self.stored}


def answers(*arguments: Any) -> str:
    bed: Any = Deployment(*arguments)
    return compression.answers_equal(bed, "c")


def test_what_is_compressed_and_what_is_not_is_said() -> None:
    assert answers([ONE], [ONE], "gzip") == "answers come as gzip"
    assert answers([ONE], [ONE]) == "answers come uncompressed, also where gzip is accepted"


def test_another_content_or_an_encoding_that_nobody_accepts_is_found() -> None:
    with pytest.raises(NotMet, match="WRONG-ANSWER: document d-0002 is missing in the compressed answer"):
        answers([ONE, TWO], [ONE], "gzip")
    with pytest.raises(NotMet, match="PROTOCOL: a read that accepts gzip was answered with br"):
        answers([ONE], [ONE], "br")


def test_a_compressed_request_is_taken_or_refused_and_nothing_between() -> None:
    bed: Any = Deployment([], [])
    assert compression.request_taken_or_refused(bed, "c", ONE) == "a gzip request is refused with 400"
    bed = Deployment([], [], taken=201)
    bed.stored = [ONE]
    assert compression.request_taken_or_refused(bed, "c", ONE) == "a gzip request is carried out"
    with pytest.raises(NotMet, match="PROTOCOL: a gzip request was answered with 500, which is neither done nor"):
        compression.request_taken_or_refused(Deployment([], [], taken=500), "c", ONE)  # type: ignore[arg-type]


def test_a_compressed_request_that_is_acknowledged_and_not_stored_or_refused_and_stored_is_found() -> None:
    with pytest.raises(NotMet, match="LOST: document d-0001"):
        compression.request_taken_or_refused(Deployment([], [], taken=201), "c", ONE)  # type: ignore[arg-type]
    bed: Any = Deployment([], [])
    bed.stored = [ONE]
    with pytest.raises(NotMet, match="PHANTOM: document d-0001"):
        compression.request_taken_or_refused(bed, "c", ONE)
