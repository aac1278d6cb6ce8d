"""Queries: each is answered with the nearest of the documents that are there, nearest first.

While clients write, some documents may be there or not, or be one of several. Those are left aside: what is certainly
there, with a certain content, must be answered if it is near enough, and the answer's order must be right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..documents import embed
from ..history import Action, Operation, Result
from ..verdict import VerdictClass
from ..words import count, listing
from .findings import Checked, Finding, Gap, untested
from .registers import Register, Value
from .view import Mutation, View

LARGEST = 300
"""Above this, an index with churn misses a document now and then, with no fault of the deployment."""
_NEAR = 1e-4
"""Distances closer than this count as equal: the instance computes them in float32."""


@dataclass
class _Document:
    """One document of a collection, and what it may be at a time."""

    view: View
    register: Register

    @cached_property
    def mutations(self) -> Sequence[Mutation]:
        return self.view.mutations(self.register)

    @cached_property
    def begun(self) -> float:
        return min((one.operation.invoked for one in self.mutations), default=float("inf"))

    @cached_property
    def over(self) -> float:
        """When all its mutations were certainly over; infinite if that is never known."""
        return max((one.until if one.certain else float("inf") for one in self.mutations), default=0.0)

    @cached_property
    def in_the_end(self) -> frozenset[Value]:
        return self.view.allowed(self.register)

    def values(self, read: Operation) -> frozenset[Value]:
        """Return what it may be while it is read."""
        if read.returned < self.begun:
            return frozenset({None})
        if self.over < read.invoked - self.view.limits.stale:
            return self.in_the_end
        _, reached = self.view.reached(self.register)
        due = sum(
            1 << index
            for index, one in enumerate(self.mutations)
            if one.certain and one.until < read.invoked - self.view.limits.stale
        )
        coming = sum(1 << index for index, one in enumerate(self.mutations) if one.operation.invoked > read.returned)
        values = [held for mask, held in reached.items() if not due & ~mask and not mask & coming]
        return frozenset().union(*values)

    def embedding(self, token: str) -> tuple[float, ...]:
        return self.view.by_token[token].written(self.register.document).embedding


def check(view: View) -> Checked:
    """Return the queries that were answered wrongly."""
    queries = [one for one in view.history.operations if one.action is Action.QUERY and one.question]
    answered = [one for one in queries if one.result is Result.OK and not one.gone]
    if not answered:
        if Action.QUERY not in view.history.header.actions:
            return Checked()
        return Checked(gaps=(untested("No query was answered, so none was answered rightly"),))
    documents: defaultdict[tuple[str, int], list[_Document]] = defaultdict(list)
    for register in view.registers:
        if register.document:
            documents[register.collection, register.incarnation].append(_Document(view, register))
    findings: list[Finding] = []
    gaps: list[Gap] = []
    judged = _Judged(documents)
    for query in answered:
        for said in judged.judge(query):
            (findings if isinstance(said, Finding) else gaps).append(said)  # type: ignore[arg-type]
    return Checked(tuple(findings), tuple(dict.fromkeys(gaps)))


class _Judged:
    def __init__(self, documents: dict[tuple[str, int], list[_Document]]) -> None:
        self._documents = documents
        self._questions: dict[str, NDArray[np.float64]] = {}
        self._embeddings: dict[tuple[Register, str], tuple[float, ...]] = {}

    def judge(self, query: Operation) -> Iterator[Finding | Gap]:
        """Yield what is wrong with an answer."""
        own = self._documents.get((query.collection, query.incarnation), [])
        certain: list[tuple[str, tuple[float, ...]]] = []
        possible = 0
        for document in own:
            values = document.values(query)
            possible += values != {None}
            if len(values) == 1 and (token := next(iter(values))) is not None:
                key = (document.register, token)
                if key not in self._embeddings:
                    self._embeddings[key] = document.embedding(token)
                certain.append((document.register.document, self._embeddings[key]))
        if possible > LARGEST:
            yield untested(f"Queries in {query.collection} were not judged: it has more than {LARGEST} documents")
            return
        question = self._questions.setdefault(query.question, np.array(embed(query.question)))
        called = f"The query {query.id} in {query.collection}"
        answer = _distances(question, [one.embedding for one in query.found if len(one.embedding) == len(question)])
        if len(query.found) > query.results:
            found = count(len(query.found), "document")
            yield self._wrong(query, f"{called} asked for {query.results} and was answered with {found}")
        if any(later < earlier - _NEAR for earlier, later in pairwise(answer)):
            yield self._wrong(query, f"{called} was answered in another order than nearest first")
        farthest = float("inf") if len(answer) < query.results else max(answer, default=0.0) - _NEAR
        there = {one.id for one in query.found}
        near = _distances(question, [embedding for _, embedding in certain])
        missed = [
            id for (id, _), distance in zip(certain, near, strict=True) if distance < farthest and id not in there
        ]
        if missed:
            words = (
                f"{called} was answered without {listing(missed, 3)}, which {'is' if len(missed) == 1 else 'are'} there"
            )
            yield self._wrong(query, words if len(answer) < query.results else f"{words} and nearer")

    @staticmethod
    def _wrong(query: Operation, words: str) -> Finding:
        return Finding(VerdictClass.WRONG_ANSWER, words, (query.id,))


def _distances(question: NDArray[np.float64], embeddings: Sequence[tuple[float, ...]]) -> list[float]:
    """Return the squared distances, as Chroma's default space has them."""
    if not embeddings:
        return []
    return [float(one) for one in ((np.array(embeddings) - question) ** 2).sum(axis=1)]
