"""How long after its acknowledgement a document is on both instances."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import requests

SAMPLES = 200
_BASE = "/api/v2/tenants/default_tenant/databases/default_database/collections"


def _own_id(session: requests.Session, url: str, name: str) -> str:
    deadline = time.monotonic() + 10
    while True:
        answer = session.get(f"{url}{_BASE}/{name}", timeout=5)
        if answer.status_code == 200:
            return str(answer.json()["id"])
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url} has no collection {name} after 10 s")


def lags(balancer_url: str, instance_urls: list[str]) -> list[float]:
    """Return the lags of single adds in seconds, from acknowledgement to readable on every instance."""
    session = requests.Session()
    session.trust_env = False
    name = f"bench-lag-{uuid4().hex[:8]}"
    created = session.post(f"{balancer_url}{_BASE}", json={"name": name}, timeout=10)
    created.raise_for_status()
    add = f"{balancer_url}{_BASE}/{created.json()['id']}/add"
    gets = [f"{url}{_BASE}/{_own_id(session, url, name)}/get" for url in instance_urls]
    measured = []
    for number in range(SAMPLES):
        document = f"d{number}"
        record: Any = {"ids": [document], "embeddings": [[float(number), 1.0]], "documents": ["text"]}
        session.post(add, json=record, timeout=10).raise_for_status()
        acknowledged = time.monotonic()
        for url in gets:
            while session.post(url, json={"ids": [document]}, timeout=10).json()["ids"] != [document]:
                if time.monotonic() - acknowledged > 10:
                    raise RuntimeError(f"{document} is not at {url} 10 s after its acknowledgement")
        measured.append(time.monotonic() - acknowledged)
    return measured
