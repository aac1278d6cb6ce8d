"""The nearest documents to a vector, by looking at every one: the oracle for queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy

from ..documents import Document

# Distances this close are a tie: an index in float32 may rank them either way.
_TIE = 1e-5
_MOST_LOST, _ONE_IN = 8, 3
"""How many documents an index may have lost the way to, and at most one of how many in a collection. Chroma puts the
documents of a write into its index several at a time, and now and then some of one write end up where no other
document leads to. Measured on Chroma 1.5.9 alone, without any deployment around it, on a busy machine: 20 documents
added, 4 deleted, 5 updated and 16 upserted, 8 of them new. 169 of 9,245 such collections never answer 1 to 5 of these
8, whatever is asked for and however many results, although they are there when read by their ids. More than all 8 is
no accident of one write, and an index that has lost more than a third is none."""


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


def lost_by_the_index(
    documents: Mapping[str, Document],
    vector: Sequence[float],
    results: int,
    answered: Sequence[str],
    direct: Sequence[str],
    every: Sequence[str],
) -> list[str]:
    """Return the documents that an instance's own index has lost, if nothing else is wrong with a query's answer.

    Args:
        documents, vector, results, answered: as in :func:`query_problem`.
        direct: what the instance itself answers to the same query.
        every: what it answers if as many results are asked for as there are documents.
    """
    lost = sorted(set(documents) - set(every))
    found = {id: document for id, document in documents.items() if id not in lost}
    allowed = min(_MOST_LOST, len(documents) // _ONE_IN)
    if not 0 < len(lost) <= allowed or list(answered) != list(direct):
        return []
    return [] if query_problem(found, vector, results, answered) else lost
