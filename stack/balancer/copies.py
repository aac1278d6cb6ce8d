"""Log rows that no client asked for: what one instance holds, on its way to the other."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from struct import pack
from typing import Any
from urllib.parse import quote

import orjson

from .catalog import Collection
from .entries import Entry, State
from .http_client import Answer, Unreachable
from .instance import PATIENCE_MOST, Instance
from .journal import Journal
from .operations import Action, read_operation
from .replication import Replication

# So long clients' writes of a collection may have to wait for one step of copying: an instance's patience at most.
STEP_SECONDS = PATIENCE_MOST
HEADERS = {"content-type": "application/json"}
_COLUMNS = ("documents", "metadatas", "uris")


class Copies:
    """Reads documents from one instance, and puts rows about them into the log for another one.

    Args:
        replication: applies the rows.
    """

    def __init__(self, journal: Journal, replication: Replication) -> None:
        self._journal = journal
        self._replication = replication

    async def ids(self, source: Instance, collection: Collection, seconds: float) -> list[str]:
        """Return the ids of all documents that an instance holds of a collection.

        Raises:
            Unreachable: it doesn't tell, within so many seconds.
        """
        ids: list[str] = (await self._get(source, collection, {"include": []}, seconds))["ids"]
        return ids

    async def documents(
        self, source: Instance, collection: Collection, ids: Sequence[str], seconds: float
    ) -> dict[str, Any]:
        """Return Chroma's answer to a "get" of all there is of some documents.

        Raises:
            Unreachable: none came within so many seconds.
        """
        include = ["documents", "metadatas", "embeddings", "uris"]
        return await self._get(source, collection, {"ids": ids, "include": include}, seconds)

    async def _get(
        self, source: Instance, collection: Collection, body: Mapping[str, Any], seconds: float
    ) -> dict[str, Any]:
        path = f"{collections_path(collection.tenant, collection.database)}/{collection.ids[source.name]}/get"
        found: dict[str, Any] = json_of(await source.probe("POST", path, orjson.dumps(body), HEADERS, seconds))
        return found

    async def delete(self, collection: Collection, ids: Sequence[str], source: Instance, target: Instance) -> Entry:
        """Log that an instance is to delete documents.

        Raises:
            NotLogged: it is not in the log, or nobody can tell.
        """
        return await self._log_about_documents(collection, "delete", {"ids": ids}, source, target)

    async def add(self, collection: Collection, found: Mapping[str, Any], source: Instance, target: Instance) -> Entry:
        """Log that an instance is to add what :meth:`documents` found on another one; errors as of delete."""
        body = {"ids": found["ids"], "embeddings": [_encoded(one) for one in found["embeddings"]]}
        body |= {name: found[name] for name in _COLUMNS if any(one is not None for one in found[name] or ())}
        return await self._log_about_documents(collection, "add", body, source, target)

    async def _log_about_documents(
        self, collection: Collection, verb: str, body: Mapping[str, Any], source: Instance, target: Instance
    ) -> Entry:
        path = f"{collections_path(collection.tenant, collection.database)}/{collection.id}/{verb}"
        return await self.log(collection, path, body, source, target)

    async def log(
        self, collection: Collection, path: str, body: Mapping[str, Any], source: Instance, target: Instance
    ) -> Entry:
        """Append a row for one instance alone, and have it applied; errors as of :meth:`delete`."""
        operation = read_operation("POST", path)
        assert operation is not None
        entry = Entry(
            operation,
            orjson.dumps(body),
            collection.lane,
            collection,
            collection.qualified_name,
            None,
            state=State.EXECUTED,
            applied={source.name},
            executed_on=source.name,
        )
        await self._journal.append_for(entry, target.name)
        # What clients had written into a lost collection, and its instance owes, finds it there again.
        self._replication.enqueue(entry, first=operation.action is Action.CREATE_COLLECTION)
        return entry


def left(deadline: float) -> float:
    """Return the seconds that are left until then on the event loop's clock, or hardly any."""
    return max(deadline - asyncio.get_running_loop().time(), 0.001)


def json_of(answer: Answer) -> Any:
    """Return the content of an answer that tells something.

    Raises:
        Unreachable: it doesn't.
    """
    if answer.status != 200:
        raise Unreachable(f"answered {answer.status}")
    return orjson.loads(answer.body)


def collections_path(tenant: str, database: str) -> str:
    """Return where the collections of a database are."""
    return f"/api/v2/tenants/{quoted(tenant)}/databases/{quoted(database)}/collections"


def quoted(name: str) -> str:
    """Return a name as a part of a path."""
    return quote(name, safe="")


def _encoded(embedding: Sequence[float]) -> str:
    """Return an embedding as Chroma's own client sends it: a quarter of the size of numbers as text."""
    return b64encode(pack(f"<{len(embedding)}f", *embedding)).decode()
