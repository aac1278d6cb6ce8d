"""Requests per second through the balancer, as a share of straight to Chroma, in turns within one run."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any
from uuid import uuid4

import chromadb

DOCUMENTS = 200
DIMENSION = 16
ROUNDS = 5
SECONDS = 1.5
"""How long each client of one measurement works."""

GOALS = {"get": 0.8, "query": 0.8, "add": 0.6}


@dataclass(frozen=True)
class Throughput:
    """Requests per second of one kind of request, medians over the rounds.

    Attributes:
        ratio: median of the rounds' own ratios, balanced to direct.
    """

    kind: str
    clients: int
    direct: float
    balanced: float
    ratio: float


def vector(number: int) -> list[float]:
    return [float((number * (7 + i)) % 97) for i in range(DIMENSION)]


def _collection(port: int, name: str) -> Any:
    client = chromadb.HttpClient(host="127.0.0.1", port=port)
    return client.get_or_create_collection(name, embedding_function=None)


def _get(collection: Any, number: int, client: int) -> None:
    found = collection.get(ids=[f"d{number % DOCUMENTS}"])
    assert found["ids"], "a document that was added is not found"


def _query(collection: Any, number: int, client: int) -> None:
    found = collection.query(query_embeddings=[vector(number % DOCUMENTS)], n_results=5)
    assert len(found["ids"][0]) == 5, "a query for five documents does not return five"


def _add(collection: Any, number: int, client: int) -> None:
    collection.add(ids=[f"c{client}-{number}-{uuid4().hex[:8]}"], embeddings=[vector(number)], documents=["text"])


REQUESTS: dict[str, Callable[[Any, int, int], None]] = {"get": _get, "query": _query, "add": _add}


def _work(port: int, name: str, kind: str, client: int, ready: Barrier, rates: Any) -> None:
    collection, request = _collection(port, name), REQUESTS[kind]
    request(collection, 0, client)
    ready.wait()
    begin = time.perf_counter()
    done = 0
    while time.perf_counter() - begin < SECONDS:
        request(collection, done, client)
        done += 1
    rates.put(done / (time.perf_counter() - begin))


def _rate(port: int, name: str, kind: str, clients: int) -> float:
    """Return the requests per second of all clients together, each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ready, rates = context.Barrier(clients), context.Queue()
    workers = [context.Process(target=_work, args=(port, name, kind, n, ready, rates)) for n in range(clients)]
    for worker in workers:
        worker.start()
    total = sum(rates.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()
    return float(total)


def measure(direct_port: int, balancer_port: int, kind: str, clients: int) -> Throughput:
    """Measure one kind of request both ways, in turns.

    Args:
        direct_port: of the primary.
        balancer_port: of the balancer.
        kind: "get", "query" or "add".
        clients: how many at once, each an official HttpClient in its own process.
    """
    rates: dict[int, list[float]] = {direct_port: [], balancer_port: []}
    names = {port: f"bench-{kind}-{uuid4().hex[:8]}" for port in rates}
    for port, name in names.items():
        ids = [f"d{n}" for n in range(DOCUMENTS)]
        _collection(port, name).add(ids=ids, embeddings=[vector(n) for n in range(DOCUMENTS)], documents=ids)
    for _ in range(ROUNDS):
        for port, name in names.items():
            rates[port].append(_rate(port, name, kind, clients))
    ratios = [b / d for d, b in zip(rates[direct_port], rates[balancer_port], strict=True)]
    return Throughput(
        kind,
        clients,
        statistics.median(rates[direct_port]),
        statistics.median(rates[balancer_port]),
        statistics.median(ratios),
    )
