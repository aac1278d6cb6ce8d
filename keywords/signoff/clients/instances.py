"""One Chroma server, read directly, or the balancer read as if it were one.

Everything that a check reads comes through here, strictly: an answer of the wrong shape is an error, and so is a 400
or a 404 where documents were asked for. Neither is ever "no documents" or "not there".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from ..documents import Document, digest, documents_from, first_of_each
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from .wire import Reply, Wire

DATABASES = "/api/v2/tenants/default_tenant/databases"
COLLECTIONS = f"{DATABASES}/default_database/collections"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PAGE = 500


@dataclass(frozen=True)
class CollectionInfo:
    """A collection as a server describes it.

    Attributes:
        id: the server's own UUID of it.
        metadata, configuration: as in the answer.
        dimension: length of its embeddings; None before the first one.
    """

    name: str
    id: str
    metadata: Mapping[str, Any] | None
    configuration: Mapping[str, Any]
    dimension: int | None


class Instance:
    """A Chroma server.

    Args:
        name: how messages call it: "primary", "replica" or "balancer".
        url: its base URL.
        timeout: how long an answer may take.
        whole: read collections in one request instead of page by page. For the balancer: it may ask another
            instance for each page, and instances need not agree on an order.
    """

    def __init__(self, name: str, url: str, timeout: timedelta = timedelta(seconds=15), *, whole: bool = False) -> None:
        self.name = name
        self.wire = Wire(f"the {name}", url, timeout=timeout)
        self._whole = whole

    def __str__(self) -> str:
        return f"the {self.name}"

    def heartbeat(self, timeout: timedelta | None = None) -> int:
        """Return the server's heartbeat.

        Raises:
            CouldNotObserve: if it doesn't answer as Chroma does.
        """
        reply = self.wire.call("GET", "/api/v2/heartbeat", timeout=timeout)
        beat = _expect(reply, 200, "its heartbeat")
        value = beat.get("nanosecond heartbeat") if isinstance(beat, dict) else None
        if not isinstance(value, int):
            raise CouldNotObserve(f"{self} answered its heartbeat with something else: {reply.text}")
        return value

    def version(self) -> str:
        """Return the version that the server reports."""
        reply = self.wire.get("/api/v2/version")
        version = _expect(reply, 200, "its version")
        if not isinstance(version, str) or not version:
            raise CouldNotObserve(f"{self} answered its version with something else: {reply.text}")
        return version

    def max_batch_size(self) -> int:
        """Return how many documents the server takes in one request."""
        reply = self.wire.get("/api/v2/pre-flight-checks")
        checks = _expect(reply, 200, "its limits")
        size = checks.get("max_batch_size") if isinstance(checks, dict) else None
        if not isinstance(size, int) or size < 1:
            raise CouldNotObserve(f"{self} has no max_batch_size in its limits: {reply.text}")
        return size

    def list_collections(self) -> list[CollectionInfo]:
        """Return every collection, all pages."""
        found: list[CollectionInfo] = []
        while True:
            reply = self.wire.get(COLLECTIONS, {"limit": _PAGE, "offset": len(found)})
            page = _expect(reply, 200, "its list of collections")
            if not isinstance(page, list):
                raise CouldNotObserve(f"{self} answered its list of collections with something else: {reply.text}")
            found += [_collection(item, reply) for item in page]
            if len(page) < _PAGE:
                return found

    def list_databases(self) -> list[str]:
        """Return the names of every database, all pages."""
        found: list[str] = []
        while True:
            reply = self.wire.get(DATABASES, {"limit": _PAGE, "offset": len(found)})
            page = _expect(reply, 200, "its list of databases")
            if not isinstance(page, list) or not all(isinstance(item, dict) and "name" in item for item in page):
                raise CouldNotObserve(f"{self} answered its list of databases with something else: {reply.text}")
            found += [str(item["name"]) for item in page]
            if len(page) < _PAGE:
                return found

    def collection(self, name: str) -> CollectionInfo:
        """Return one collection by its name.

        Raises:
            CouldNotObserve: if it isn't there, or can't be read.
        """
        reply = self._look_up(name)
        info = _collection(_expect(reply, 200, f"for the collection {name}"), reply)
        if info.name != name:
            raise CouldNotObserve(f"{self} answered for the collection {name} with {info.name}")
        return info

    def uuid_of(self, name: str) -> str:
        """Return this server's own id of a collection, asked for anew each time.

        This is the only way from a name to an id.
        """
        return self.collection(name).id

    def has_collection(self, name: str) -> bool:
        """Whether there is a collection of this name.

        Raises:
            CouldNotObserve: if the answer is neither the collection nor Chroma's own "not found".
        """
        if _UUID.fullmatch(name):
            raise CouldNotObserve(f"{name} is an id; {self} looks collections up by name, so it would never find it")
        reply = self._look_up(name)
        if reply.status == 404:
            error = reply.json()
            if isinstance(error, dict) and error.get("error") == "NotFoundError":
                return False
        _collection(_expect(reply, 200, f"for the collection {name}"), reply)
        return True

    def count(self, name: str) -> int:
        """Return how many documents the server counts in a collection."""
        return self.count_by_reference(self.uuid_of(name))

    def read_documents(self, name: str) -> dict[str, Document]:
        """Return every document of a collection with its content, by id.

        Raises:
            CouldNotObserve: if it can't be read whole, or the server's own count disagrees: then it is changing, or
                the server contradicts itself.
        """
        uuid = self.uuid_of(name)
        found: dict[str, Document] = {}
        read = 0
        for page in self._pages(uuid):
            found.update((document.id, document) for document in page)
            read += len(page)
        counted = self.count_by_reference(uuid)
        if not len(found) == read == counted:
            raise CouldNotObserve(
                f"{self} counts {counted} documents in {name} and shows {read}, {len(found)} of them different"
            )
        return found

    def pages(self, name: str) -> Iterator[list[Document]]:
        """Yield every document of a collection with its content, page by page."""
        yield from self._pages(self.uuid_of(name))

    def digest(self, name: str) -> str:
        """Return a digest of a collection's whole content, whatever order it is given in.

        Each page is forgotten once it is counted in, so a large collection takes no memory.
        """
        total, number = 0, 0
        for page in self.pages(name):
            for document in page:
                total = (total + digest(document)) % 2**128
                number += 1
        return f"{number}-{total:032x}"

    def _pages(self, uuid: str) -> Iterator[list[Document]]:
        read = 0
        while True:
            page = self._page(uuid, {} if self._whole else {"limit": _PAGE, "offset": read})
            yield page
            read += len(page)
            if self._whole or len(page) < _PAGE:
                return

    def get(self, name: str, ids: list[str]) -> dict[str, Document]:
        """Return those of the named documents that are there, by id."""
        return {document.id: document for document in self._page(self.uuid_of(name), {"ids": ids})}

    def documents_by_reference(self, reference: str, **query: object) -> dict[str, Document]:
        """Read documents of a collection by whatever it is referred to with, sent as it is.

        Args:
            reference: what stands in the address; right is only this server's own id.
            query: the body of the read: ``ids``, ``where``, ``where_document``, ``limit``, ….

        Raises:
            CouldNotObserve: with the server's own words, if it doesn't answer with documents.
        """
        return {document.id: document for document in self._page(reference, query)}

    def count_by_reference(self, reference: str) -> int:
        """Return how many documents the server counts in a collection, by whatever it is referred to with.

        Args:
            reference: what stands in the address; right is only this server's own id.

        Raises:
            CouldNotObserve: with the server's own words, if it doesn't answer with a number.
        """
        reply = self.wire.get(f"{COLLECTIONS}/{quote(reference, safe='')}/count")
        number = _expect(reply, 200, "to a count")
        if type(number) is not int or number < 0:
            raise CouldNotObserve(f"{self} answered a count with something else: {reply.text}")
        return number

    def query(self, reference: str, embedding: list[float], results: int) -> list[str]:
        """Return the ids nearest to an embedding, nearest first.

        Args:
            reference: this server's own id of the collection.
            embedding: the vector to look for.
            results: how many ids at most.

        Raises:
            NotMet: if the answer contradicts itself.
        """
        body = {"query_embeddings": [embedding], "n_results": results, "include": ["distances"]}
        reply = self.wire.call("POST", f"{COLLECTIONS}/{quote(reference, safe='')}/query", payload=body)
        answer = _expect(reply, 200, "to a query")
        ids = answer.get("ids") if isinstance(answer, dict) else None
        if not (isinstance(ids, list) and len(ids) == 1 and isinstance(ids[0], list)):
            raise CouldNotObserve(f"{self} answered a query without one list of ids: {reply.text}")
        distances = answer.get("distances")
        ranked = distances[0] if isinstance(distances, list) and distances else None
        if not isinstance(ranked, list) or len(ranked) != len(ids[0]):
            raise CouldNotObserve(f"{self} answered a query without a distance for each id: {reply.text}")
        if ranked != sorted(ranked):
            order = f"{self} answered a query whose distances are out of order: {reply.text}"
            raise NotMet(VerdictClass.WRONG_ANSWER.says(order))
        return [str(id) for id in ids[0]]

    def nearest_documents(self, reference: str, embedding: list[float], results: int) -> dict[str, Document]:
        """Return the documents nearest to an embedding with their contents, by id.

        Args:
            reference: this server's own id of the collection.
            embedding: the vector to look for.
            results: how many documents at most.

        Raises:
            CouldNotObserve: with the server's own words, if it doesn't answer with documents.
        """
        include = ["documents", "metadatas", "embeddings"]
        body = {"query_embeddings": [embedding], "n_results": results, "include": include}
        reply = self.wire.call("POST", f"{COLLECTIONS}/{quote(reference, safe='')}/query", payload=body)
        answer = _expect(reply, 200, "to a query")
        return {document.id: document for document in documents_from(first_of_each(answer), str(self))}

    def _look_up(self, name: str) -> Reply:
        return self.wire.get(f"{COLLECTIONS}/{quote(name, safe='')}")

    def _page(self, reference: str, query: Mapping[str, object]) -> list[Document]:
        body = {"include": ["documents", "metadatas", "embeddings", "uris"], **query}
        reply = self.wire.call("POST", f"{COLLECTIONS}/{quote(reference, safe='')}/get", payload=body)
        return documents_from(_expect(reply, 200, "to a read of documents"), str(self))


def is_uuid(text: str) -> bool:
    """Whether a text is a whole UUID, as Chroma writes them."""
    return _UUID.fullmatch(text) is not None


def _expect(reply: Reply, status: int, asked: str) -> Any:
    if reply.status != status:
        raise CouldNotObserve(f"{reply.who} answered {asked} with {reply.status}: {reply.text}")
    return reply.json()


def _collection(item: object, reply: Reply) -> CollectionInfo:
    if isinstance(item, dict):
        name, id, metadata = item.get("name"), item.get("id"), item.get("metadata")
        configuration, dimension = item.get("configuration_json"), item.get("dimension")
        if (
            isinstance(name, str)
            and isinstance(id, str)
            and is_uuid(id)
            and isinstance(metadata, dict | None)
            and isinstance(configuration, dict)
            and isinstance(dimension, int | None)
        ):
            return CollectionInfo(name, id, metadata, configuration, dimension)
    raise CouldNotObserve(f"{reply.who} describes a collection without its name, id and configuration: {reply.text}")
