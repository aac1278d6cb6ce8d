"""Concurrent clients that write, overwrite and delete the same few documents again and again, and what must be left.

Each document has one client, which waits for each answer, so its operations have an order. Operations without a
clear answer are resolved by the transaction log; all others by their answer alone.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.balancer.balanced_deployment import BalancedDeployment, Documents, record, vector

_IDS_PER_CLIENT = 3
_KINDS = ("add", "add", "upsert", "upsert", "update", "delete", "delete", "delete where")


@dataclass
class Sent:
    """One operation: what was asked, and the status of the answer, None if there was none."""

    session: str
    collection: str
    kind: str
    document: str
    token: int
    status: int | None = None
    seconds: float = 0.0


@dataclass
class Load:
    """Clients at work on collections.

    Args:
        deployment: whom to send to.
        collections: client id by collection name.
        seed: of all choices.
    """

    deployment: BalancedDeployment
    collections: dict[str, str]
    seed: int
    clients: int = 6
    sent: list[list[Sent]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> Load:
        for number in range(self.clients):
            mine: list[Sent] = []
            self.sent.append(mine)
            thread = threading.Thread(target=self._work, args=(number, mine), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def stop(self) -> Load:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=40)
            assert not thread.is_alive(), "a client got no answer and no error within 40 s"
        return self

    def acknowledged(self) -> int:
        return sum(sent.status in (200, 201) for client in self.sent for sent in client)

    def longest(self) -> float:
        """Return how long the slowest answered request took, in seconds."""
        return max((sent.seconds for client in self.sent for sent in client if sent.status is not None), default=0.0)

    def statuses(self) -> dict[int | None, int]:
        counts: dict[int | None, int] = {}
        for client in self.sent:
            for sent in client:
                counts[sent.status] = counts.get(sent.status, 0) + 1
        return counts

    def _work(self, number: int, mine: list[Sent]) -> None:
        choose = random.Random(f"{self.seed}/{number}")
        token = number * 100_000
        while not self._stop.is_set():
            token += 1
            name = choose.choice(sorted(self.collections))
            document = f"c{number}-d{choose.randrange(_IDS_PER_CLIENT)}"
            sent = Sent(f"{self.seed}-{token}", name, choose.choice(_KINDS), document, token)
            mine.append(sent)
            verb, body = _request(sent)
            started = time.monotonic()
            try:
                answer = self.deployment.call(
                    "POST", f"/{self.collections[name]}/{verb}", body, session=sent.session, seconds=20
                )
                sent.status = answer.status_code
            except requests.RequestException:
                self._stop.wait(0.05)  # until the balancer is up again; the next request finds out
            sent.seconds = time.monotonic() - started

    def expected(self) -> dict[str, Documents]:
        """Return what every instance must hold, by collection, and check each answer against its transaction."""
        query = "SELECT client_session, status, response_status FROM emergency_transaction_log"
        rows = self.deployment.sql(f"{query} WHERE client_session LIKE %s", f"{self.seed}-%")
        log = {session: (status, code) for session, status, code in rows}
        assert len(log) == len(rows), "a request has two transactions"
        state: dict[str, Documents] = {name: {} for name in self.collections}
        for client in self.sent:
            for sent in client:
                status, code = log.get(sent.session, (None, None))
                if sent.status in (200, 201):
                    # A crash of the balancer may have cost the note that the client had its answer.
                    assert status in ("COMPLETED", "RECOVERED"), f"{sent} is acknowledged, and the log says {status}"
                elif sent.status is not None:
                    assert sent.status == 503, f"{sent}"
                    assert status in ("FAILED", "RECOVERED", "ABANDONED"), f"{sent}: the log says {status}"
                    assert code == 503
                if status in ("COMPLETED", "RECOVERED"):
                    _apply(state[sent.collection], sent)
        return state


def _request(sent: Sent) -> tuple[str, dict[str, Any]]:
    if sent.kind == "delete":
        return "delete", {"ids": [sent.document]}
    if sent.kind == "delete where":
        return "delete", {"where": {"$and": [{"of": sent.document}, {"token": {"$lt": sent.token}}]}}
    return sent.kind, record(sent.token, sent.document)


def _apply(state: Documents, sent: Sent) -> None:
    held = sent.document in state
    if sent.kind in ("delete", "delete where"):
        state.pop(sent.document, None)
    elif (sent.kind == "add" and not held) or sent.kind == "upsert" or (sent.kind == "update" and held):
        state[sent.document] = (
            f"text {sent.token} of {sent.document}",
            {"token": sent.token, "of": sent.document},
            tuple(vector(sent.token)),
        )


def check(load: Load, names: Sequence[str]) -> None:
    """Wait until everything is settled and compare both instances with what must be left."""
    load.deployment.until_settled(40)
    expected = load.expected()
    for name in names:
        load.deployment.expect(name, expected[name])
