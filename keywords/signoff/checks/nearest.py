"""The nearest documents to a vector, by looking at every one: the oracle for queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy

from ..documents import Document

# Distances this close are a tie: an index in float32 may rank them either way.
_TIE = 1e-5


def nearest(documents: Mapping[str, Document], vector: Sequence[float], results: int) -> list[tuple[str, float]]:
    """Return the ids nearest to a vector with their squared distances, nearest first.

    Args:
        documents: all that there are, by id.
        vector: what to look for.
        results: how many at most.
    """
    ids = sorted(documents)
    if not ids:
        return []
    table = numpy.array([documents[id].embedding for id in ids], dtype=numpy.float64)
    distances = ((table - numpy.array(vector)) ** 2).sum(axis=1)
    order = numpy.argsort(distances, kind="stable")[:results]
    return [(ids[index], float(distances[index])) for index in order]


def query_problem(
    documents: Mapping[str, Document], vector: Sequence[float], results: int, answered: Sequence[str]
) -> str:
    """Return what is wrong with a query's answer, in words; empty if it is right.

    Args:
        documents: all that there are, by id.
        vector: what was looked for.
        results: how many were asked for.
        answered: the ids, as answered.
    """
    expected = nearest(documents, vector, results)
    if len(set(answered)) != len(answered):
        return f"an id is answered twice: {', '.join(answered)}"
    if unknown := [id for id in answered if id not in documents]:
        return f"{', '.join(unknown)} is answered and not there"
    if len(answered) != len(expected):
        return f"{len(answered)} documents are answered instead of {len(expected)}"
    target = numpy.array(vector)
    for rank, (id, (wanted, distance)) in enumerate(zip(answered, expected, strict=True), 1):
        own = float(((numpy.array(documents[id].embedding) - target) ** 2).sum())
        if id != wanted and abs(own - distance) > _TIE:
            return f"number {rank} is {id} instead of {wanted}"
    return ""
