"""What comparing a large collection between both instances costs, beside merely reading it from both."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import requests

from signoff.clients.instances import COLLECTIONS, Instance

from .throughput import vector

DOCUMENTS = 100_000
ROUNDS = 3
PAGE = 1000


@dataclass(frozen=True)
class Compared:
    """Seconds, medians over the rounds, and the most memory that a comparison holds at a time, in bytes."""

    reading: float
    comparing: float
    ratio: float
    memory: int


def measure(primary_url: str, replica_url: str) -> Compared:
    """Fill both instances alike, and measure both in turns."""
    name = f"bench-compare-{uuid4().hex[:8]}"
    for url in (primary_url, replica_url):
        _fill(url, name)
    instances = [Instance("primary", primary_url), Instance("replica", replica_url)]
    reading, comparing = [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for instance in instances:
            _read(instance, name)
        reading.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        digests = {instance.digest(name) for instance in instances}
        comparing.append(time.perf_counter() - begin)
        assert len(digests) == 1, "both hold the same, and their digests differ"
    tracemalloc.start()
    instances[0].digest(name)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    ratios = [c / r for r, c in zip(reading, comparing, strict=True)]
    return Compared(statistics.median(reading), statistics.median(comparing), statistics.median(ratios), memory)


def _fill(url: str, name: str) -> None:
    created = requests.post(f"{url}{COLLECTIONS}", json={"name": name}, timeout=30)
    created.raise_for_status()
    add = f"{url}{COLLECTIONS}/{created.json()['id']}/add"
    for first in range(0, DOCUMENTS, 2000):
        numbers = range(first, first + 2000)
        record: Any = {
            "ids": [f"d{n}" for n in numbers],
            "embeddings": [vector(n) for n in numbers],
            "documents": [f"text of {n}" for n in numbers],
            "metadatas": [{"number": n} for n in numbers],
        }
        requests.post(add, json=record, timeout=60).raise_for_status()


def _read(instance: Instance, name: str) -> None:
    """Read every document and do nothing with it."""
    for _ in instance.pages(name):
        pass
