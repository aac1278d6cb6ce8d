"""Writes through the balancer: with Chroma's own Python client, and bare over REST.

The official client is what users have, so sequential steps go through it. Where many writes run at once, or an answer
has to be judged as it came over the wire, the bare writer is used: one request, one answer, and each request under a
session id of its own, by which its rows in the logs are found.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from ..documents import Document, payload
from ..ledger import Kind
from ..outcomes import Effect, effect_of
from ..words import shortened
from .instances import COLLECTIONS
from .wire import NoAnswer, Reply, Wire

SESSION_HEADER = "X-Session-ID"


@dataclass(frozen=True)
class Write:
    """One write, as it went over the wire.

    Attributes:
        session: the X-Session-ID it carried; no other write has the same one.
        action: add, update, upsert, delete, create or drop.
        collection: the collection's name.
        documents: what was written; for a delete, only their ids matter.
        started, ended: seconds of the monotonic clock.
        at: wall time of the answer.
    """

    session: str
    action: str
    collection: str
    documents: tuple[Document, ...] = field(repr=False)
    method: str
    path: str
    body: str = field(repr=False)
    started: float
    ended: float
    at: datetime
    answer: Reply | NoAnswer

    @property
    def effect(self) -> Effect:
        """What the answer says about the write's effect."""
        return effect_of(self.answer)

    @property
    def status(self) -> int | None:
        """The HTTP status; None if there was no answer."""
        return self.answer.status if isinstance(self.answer, Reply) else None

    @property
    def answer_in_words(self) -> str:
        """The answer, for a message."""
        if isinstance(self.answer, Reply):
            return f"{self.answer.status} {self.answer.text}"
        return self.answer.why


class Writer:
    """Writes over REST. May be used by several threads at once.

    Args:
        url: the balancer's base URL.
        timeout: how long an answer may take.
        who: whom it writes to, for messages.
    """

    def __init__(self, url: str, timeout: timedelta, who: str = "the balancer") -> None:
        self._wire = Wire(who, url, timeout=timeout)

    def write(
        self, session: str, kind: Kind, collection: str, collection_id: str, documents: Sequence[Document]
    ) -> Write:
        """Add, update, upsert or delete documents, in one request.

        Args:
            session: an X-Session-ID that was not used before.
            kind: what to do.
            collection: the collection's name, for the record.
            collection_id: its id, as the balancer told it.
            documents: what to write; a delete names their ids only.
        """
        verb = kind.name.lower()
        body = {"ids": [document.id for document in documents]} if kind is Kind.DELETE else payload(documents)
        return self._send(session, verb, collection, tuple(documents), "POST", f"{collection_id}/{verb}", body)

    def delete_where(
        self,
        session: str,
        collection: str,
        collection_id: str,
        where: Mapping[str, Any],
        matching: Sequence[Document],
    ) -> Write:
        """Delete documents by a condition.

        Args:
            matching: the documents that the condition should select, for the record.
        """
        body = {"where": dict(where)}
        return self._send(session, "delete", collection, tuple(matching), "POST", f"{collection_id}/delete", body)

    def create(self, session: str, name: str, *, get_or_create: bool = False, metadata: object = None) -> Write:
        """Create a collection, in one request."""
        body = {"name": name, "get_or_create": get_or_create, "metadata": metadata}
        return self._send(session, "create", name, (), "POST", "", body)

    def drop(self, session: str, name: str) -> Write:
        """Delete a collection, in one request."""
        return self._send(session, "drop", name, (), "DELETE", quote(name, safe=""), None)

    def _send(
        self,
        session: str,
        action: str,
        collection: str,
        documents: tuple[Document, ...],
        method: str,
        reference: str,
        body: object,
    ) -> Write:
        path = f"{COLLECTIONS}/{reference}" if reference else COLLECTIONS
        text = "" if body is None else json.dumps(body, ensure_ascii=False)
        answer: Reply | NoAnswer
        started = time.monotonic()
        try:
            answer = self._wire.call(method, path, data=text.encode() or None, headers={SESSION_HEADER: session})
        except NoAnswer as error:
            answer = error
        ended = time.monotonic()
        now = datetime.now()
        return Write(session, action, collection, documents, method, path, text, started, ended, now, answer)


@dataclass(frozen=True)
class Told:
    """What the official client made of an answer to a write.

    Attributes:
        effect: what it says about the write's effect.
        words: the error in words; empty if there was none.
    """

    effect: Effect
    words: str = ""


def official_client(url: str, session: str) -> Any:
    """Return Chroma's own Python client for a server.

    Args:
        url: its base URL.
        session: the X-Session-ID of everything it sends.

    Raises:
        NoAnswer: if the server doesn't answer it.
    """
    import chromadb
    from chromadb.config import Settings

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    try:
        return chromadb.HttpClient(
            host=parts.hostname or "",
            port=parts.port or (443 if secure else 80),
            ssl=secure,
            headers={SESSION_HEADER: session},
            settings=Settings(anonymized_telemetry=False),
        )
    except (ValueError, httpx.HTTPError) as error:
        raise NoAnswer("the balancer", f"Chroma's client can't connect: {shortened(str(error))}", sent=True) from None


def told_by_client(action: Callable[[], object]) -> Told:
    """Do one write with the official client, and say what it told.

    Args:
        action: the call.
    """
    from chromadb.errors import ChromaError, NotFoundError

    try:
        action()
    except NotFoundError as error:
        return Told(Effect.UNKNOWN, shortened(str(error)))
    except ChromaError as error:
        refused = error.code() in (400, 401, 403, 413, 422)
        return Told(Effect.NONE if refused else Effect.UNKNOWN, shortened(str(error)))
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        return Told(Effect.NONE, f"no connection ({shortened(str(error))})")
    except httpx.HTTPError as error:
        return Told(Effect.UNKNOWN, f"{type(error).__name__} ({shortened(str(error))})")
    except Exception as error:
        if type(error) is not Exception:
            raise
        return Told(Effect.UNKNOWN, shortened(str(error)))
    return Told(Effect.DONE)


class NotRead(Exception):
    """The official client gave no answer to a read; the message says why."""


def asked_by_client(question: Callable[[], Any]) -> Any:
    """Ask something with the official client, and return its answer.

    Args:
        question: the call.

    Raises:
        NotRead: if the client raises what it raises when a server refuses, does not know what is asked for, or is away.
    """
    from chromadb.errors import ChromaError

    try:
        return question()
    except (ChromaError, ValueError, httpx.HTTPError) as error:
        raise NotRead(f"{type(error).__name__}: {shortened(str(error))}") from None


def read_by_client(handle: Any) -> dict[str, Document]:
    """Return every document of a collection, read with the official client.

    Args:
        handle: the client's collection object.

    Raises:
        NotRead: if there is no answer.
    """
    answer = asked_by_client(lambda: handle.get(include=["documents", "metadatas", "embeddings", "uris"]))
    names = ("ids", "documents", "metadatas", "embeddings", "uris")
    columns = zip(*(answer[name] for name in names), strict=True)
    return {
        id: Document(id, text, metadata, tuple(float(value) for value in embedding), uri)
        for id, text, metadata, embedding, uri in columns
    }
