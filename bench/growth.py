"""What ten times the documents, or the collections, cost the balancer, beside what they cost Chroma itself."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import requests

from .throughput import DIMENSION, vector

SMALL, LARGE = 1_000, 10_000
FEW, MANY = 10, 100
ROUNDS = 7
REQUESTS = 100
"""Of one round, for each place and size."""
_BASE = "/api/v2/tenants/default_tenant/databases/default_database/collections"


@dataclass(frozen=True)
class Growth:
    """What a request costs at two sizes, in seconds: medians over the rounds.

    Attributes:
        ratio: the growth through the balancer, as a share of the growth straight to Chroma; median of the rounds.
    """

    direct: tuple[float, float]
    balanced: tuple[float, float]
    ratio: float


class Place:
    """A server with collections of different sizes.

    Args:
        url: of the balancer, or of an instance.
    """

    def __init__(self, url: str) -> None:
        self._url = url + _BASE
        self._session = requests.Session()
        self._session.trust_env = False
        self._numbers = count()

    def _post(self, path: str, body: Any) -> requests.Response:
        answer = self._session.post(self._url + path, json=body, timeout=60)
        answer.raise_for_status()
        return answer

    def create(self, documents: int) -> str:
        """Create a collection with so many documents and return its id."""
        collection = str(self._post("", {"name": f"bench-growth-{uuid4().hex[:8]}"}).json()["id"])
        for first in range(0, documents, 500):
            numbers = range(first, min(first + 500, documents))
            ids = [f"d{n}" for n in numbers]
            self._post(f"/{collection}/add", {"ids": ids, "embeddings": [vector(n) for n in numbers], "documents": ids})
        return collection

    def query(self, collection: str) -> None:
        """Ask for the five nearest documents."""
        body = {"query_embeddings": [vector(next(self._numbers))], "n_results": 5, "include": ["distances"]}
        assert len(self._post(f"/{collection}/query", body).json()["ids"][0]) == 5

    def write(self, collection: str) -> None:
        """Change one of the documents."""
        number = next(self._numbers) % SMALL
        embedding = [float(number % 97)] * DIMENSION
        self._post(f"/{collection}/upsert", {"ids": [f"d{number}"], "embeddings": [embedding], "documents": ["new"]})


def _seconds(request: Callable[[str], None], collections: list[str]) -> float:
    """Return the median time of a request, collections in turns."""
    times = []
    for number in range(REQUESTS):
        begin = time.perf_counter()
        request(collections[number % len(collections)])
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _measure(direct: Place, balanced: Place, sizes: dict[Place, tuple[list[str], list[str]]], kind: str) -> Growth:
    times: dict[Place, list[tuple[float, float]]] = {direct: [], balanced: []}
    for _ in range(ROUNDS):
        for place, (small, large) in sizes.items():
            request = place.query if kind == "query" else place.write
            times[place].append((_seconds(request, small), _seconds(request, large)))
    growth = {place: [large / small for small, large in own] for place, own in times.items()}
    ratios = [b / d for d, b in zip(growth[direct], growth[balanced], strict=True)]
    medians = {
        place: (statistics.median(s for s, _ in own), statistics.median(g for _, g in own))
        for place, own in times.items()
    }
    return Growth(medians[direct], medians[balanced], statistics.median(ratios))


def by_documents(direct_url: str, balancer_url: str, kinds: tuple[str, ...] = ("query", "write")) -> dict[str, Growth]:
    """Measure 1,000 against 10,000 documents in a collection."""
    direct, balanced = Place(direct_url), Place(balancer_url)
    sizes = {place: ([place.create(SMALL)], [place.create(LARGE)]) for place in (direct, balanced)}
    return {kind: _measure(direct, balanced, sizes, kind) for kind in kinds}


def by_collections(
    direct_url: str, balancer_url: str, kinds: tuple[str, ...] = ("query", "write")
) -> dict[str, Growth]:
    """Measure 10 against 100 collections, of 100 documents each."""
    direct, balanced = Place(direct_url), Place(balancer_url)
    sizes = {}
    for place in (direct, balanced):
        few = [place.create(100) for _ in range(FEW)]
        sizes[place] = (few, [*few, *(place.create(100) for _ in range(MANY - FEW))])
    return {kind: _measure(direct, balanced, sizes, kind) for kind in kinds}
