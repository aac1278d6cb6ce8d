"""What an operation looks like on the wire, and what an answer to it says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ..checkers.classification import Classified, classify
from ..clients.instances import COLLECTIONS
from ..clients.wire import NoAnswer, Reply
from ..documents import Document, documents_from, embed, first_of_each, payload
from ..history import Action, Operation, Result
from ..verdict import CouldNotObserve

WHO = "the balancer"
# By default Chroma persists a collection's index after 1,000 rows, and until then each row makes requests dearer: two
# stacks with 50 requests per second each left 33 % of two cores idle at first and 14 % after a minute, and writes took
# three times as long; with this, 30 % and a third longer. Not sooner either: while it persists, a crash may spoil the
# index. After 100 rows, one of 60 crashes in a constant stream of writes did.
_CONFIGURATION = {"hnsw": {"sync_threshold": 300}}


def request(asked: Operation, reference: str) -> tuple[str, str, Mapping[str, Any] | None]:
    """Return the method, the path and the body of an operation."""
    inside = f"{COLLECTIONS}/{quote(reference, safe='')}"
    match asked.action:
        case Action.CREATE:
            metadata = {"token": asked.token}
            body = {"name": asked.collection, "metadata": metadata, "configuration": _CONFIGURATION}
            return "POST", COLLECTIONS, body
        case Action.DROP:
            return "DELETE", f"{COLLECTIONS}/{quote(asked.collection, safe='')}", None
        case Action.GET:
            body = {"ids": list(asked.documents), "include": ["documents", "metadatas", "embeddings"]}
            return "POST", f"{inside}/get", body
        case Action.QUERY:
            include = ["documents", "metadatas", "embeddings"]
            vector = list(embed(asked.question))
            return (
                "POST",
                f"{inside}/query",
                {"query_embeddings": [vector], "n_results": asked.results, "include": include},
            )
        case Action.DELETE:
            return "POST", f"{inside}/delete", {"ids": list(asked.documents)}
    return "POST", f"{inside}/{asked.action.value}", payload([asked.written(id) for id in asked.documents])


def understood(asked: Operation, answer: Reply | NoAnswer) -> tuple[Classified, tuple[Document, ...]]:
    """Return what an answer says of an operation, and the documents in it."""
    said = classify(asked.action, answer)
    if asked.action.mutates or said.result is not Result.OK or said.gone or not isinstance(answer, Reply):
        return said, ()
    try:
        content = answer.json()
        if asked.action is Action.QUERY:
            content = first_of_each(content)
        return said, tuple(documents_from(content, WHO))
    except CouldNotObserve as error:
        wire = replace(said.wire, violation=error.sentence)
        return Classified(Result.FAIL, wire), ()
