"""What an instance has lost, an empty disk at worst, comes back through the log: from the other instance's documents.

Before an instance that was away is served from again, its collections are compared with the mapping. A lost one is
created anew and filled by log rows of its own, page by page, while clients go on writing. Each page is read while no
write of the collection is under way, and takes its place in the log there; so it meets, on its way into the instance,
exactly the rows that came before it and those that come after it, and nothing deleted or replaced can come back.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Mapping, Sequence
from struct import pack
from typing import Any
from urllib.parse import quote

import orjson

from .catalog import Catalog, Collection
from .entries import Entry, State
from .http_client import Answer, Unreachable
from .instance import Instance
from .journal import Journal, NotLogged
from .operations import DEFAULT_DATABASE, DEFAULT_TENANT, Action, read_operation
from .replication import Lane, Replication

log = logging.getLogger(__name__)

PAGE = 500
READ_TIMEOUT = 30.0
_JSON = {"content-type": "application/json"}
_COLUMNS = ("documents", "metadatas", "uris")


class Refill:
    """Finds what instances have lost, and puts what it takes to have it again into their queues.

    Args:
        instances: the Chroma servers.
    """

    def __init__(
        self, instances: Sequence[Instance], catalog: Catalog, journal: Journal, replication: Replication
    ) -> None:
        self._instances = instances
        self._catalog = catalog
        self._journal = journal
        self._replication = replication
        self._begun: dict[tuple[str, str], list[Entry]] = {}

    def begun_before(self, collection: Collection, instance: str, rows: Sequence[Entry]) -> None:
        """Note that an earlier balancer had begun to fill a collection; nobody knows how far it got."""
        self._begun.setdefault((instance, collection.id), []).extend(rows)

    async def verify(self, instance: Instance) -> None:
        """Look whether an instance has all collections that it should have, and have lost ones filled again.

        Raises:
            Unreachable: that can't be told, or can't be done, now.
        """
        held = await self._held(instance)
        for collection in list(self._catalog):
            own_id = collection.ids.get(instance.name)
            begun = (instance.name, collection.id) in self._begun
            if begun or (own_id is not None and own_id not in held):
                try:
                    await self._fill(collection, instance)
                except NotLogged:
                    raise Unreachable("the log can't be reached") from None

    async def _held(self, instance: Instance) -> set[str]:
        """Return the ids of all collections on an instance, in the databases that count."""
        held: set[str] = set()
        for tenant, database in sorted({(c.tenant, c.database) for c in self._catalog if instance.name in c.ids}):
            answer = await instance.probe("GET", _collections(tenant, database), None, _JSON, READ_TIMEOUT)
            if answer.status == 404:
                continue
            held |= {str(item["id"]) for item in _json(answer)}
        return held

    async def _fill(self, collection: Collection, instance: Instance) -> None:
        source = next((i for i in self._instances if i is not instance and i.name in collection.ids), None)
        if source is None or not source.healthy:
            raise Unreachable(f"nobody has the collection {collection.name}, which {instance.name} has lost")
        lane = self._replication.lane(collection.lane)
        lane.users += 1
        try:
            await self._fill_from(source, collection, instance, lane)
        finally:
            lane.users -= 1
            self._replication.forget_if_idle(lane)

    async def _fill_from(self, source: Instance, collection: Collection, instance: Instance, lane: Lane) -> None:
        path = _collections(collection.tenant, collection.database)
        key = (instance.name, collection.id)
        async with lane.lock:
            await self._replication.until_applied(lane, source)
            self._replication.withdraw(lane, self._begun.pop(key, ()), instance)
            if collection.deleted:
                return
            description = await source.probe("GET", f"{path}/{_quoted(collection.name)}", None, _JSON, READ_TIMEOUT)
            if description.status == 404:
                log.error("both instances have lost the collection %s", collection.name)
                return
            ids: list[str] = _json(await self._get(source, collection, {"include": []}))["ids"]
            log.warning("%s has lost the collection %s: %d documents", instance.name, collection.name, len(ids))
            await self._make_room(collection, instance)
            mine = self._begun[key] = []
            creation = self._row(collection, "POST", path, _creation(collection, _json(description)), source)
            collection.ids.pop(instance.name, None)
            self._journal.collection_changed(collection)
            await self._add(creation, instance, mine)
        for first in range(0, len(ids), PAGE):
            async with lane.lock:
                await self._replication.until_applied(lane, source)
                if collection.deleted:
                    break
                await self._add_page(source, collection, instance, ids[first : first + PAGE], lane, mine)
        del self._begun[key]

    async def _add_page(
        self,
        source: Instance,
        collection: Collection,
        instance: Instance,
        ids: list[str],
        lane: Lane,
        mine: list[Entry],
    ) -> None:
        include = ["documents", "metadatas", "embeddings", "uris"]
        found = _json(await self._get(source, collection, {"ids": ids, "include": include}))
        path = f"{_collections(collection.tenant, collection.database)}/{collection.id}"
        others = any(e.collection is collection and e not in mine for e in lane.queues[instance.name])
        if others:
            # Rows of clients that are on their way there may have made some of these documents, or half of them.
            await self._add(self._row(collection, "POST", f"{path}/delete", {"ids": ids}, source), instance, mine)
        if found["ids"]:
            body = {"ids": found["ids"], "embeddings": [_encoded(one) for one in found["embeddings"]]}
            body |= {name: found[name] for name in _COLUMNS if any(one is not None for one in found[name] or ())}
            await self._add(self._row(collection, "POST", f"{path}/add", body, source), instance, mine)

    async def _get(self, source: Instance, collection: Collection, body: Mapping[str, Any]) -> Answer:
        path = f"{_collections(collection.tenant, collection.database)}/{collection.ids[source.name]}/get"
        return await source.probe("POST", path, orjson.dumps(body), _JSON, READ_TIMEOUT)

    async def _make_room(self, collection: Collection, instance: Instance) -> None:
        """Remove whatever the instance has under the collection's name, and see that its database is there."""
        tenant, database = collection.tenant, collection.database
        if tenant != DEFAULT_TENANT:
            await _expect(instance, "POST", "/api/v2/tenants", {"name": tenant}, also=409)
        if (tenant, database) != (DEFAULT_TENANT, DEFAULT_DATABASE):
            await _expect(
                instance, "POST", f"/api/v2/tenants/{_quoted(tenant)}/databases", {"name": database}, also=409
            )
        await _expect(
            instance, "DELETE", f"{_collections(tenant, database)}/{_quoted(collection.name)}", None, also=404
        )

    def _row(self, collection: Collection, method: str, path: str, body: Mapping[str, Any], source: Instance) -> Entry:
        operation = read_operation(method, path)
        assert operation is not None
        return Entry(
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

    async def _add(self, entry: Entry, instance: Instance, mine: list[Entry]) -> None:
        await self._journal.append_for(entry, instance.name)
        mine.append(entry)
        # What clients had written into the lost collection, and the instance owes, finds it there again.
        self._replication.enqueue(entry, first=entry.operation.action is Action.CREATE_COLLECTION)


async def _expect(instance: Instance, method: str, path: str, body: Mapping[str, Any] | None, also: int) -> None:
    data = orjson.dumps(body) if body is not None else None
    answer = await instance.probe(method, path, data, _JSON, READ_TIMEOUT)
    if answer.status not in (200, 201, also):
        raise Unreachable(f"{instance.name}: {method} {path} answered {answer.status}")


def _json(answer: Answer) -> Any:
    if answer.status != 200:
        raise Unreachable(f"answered {answer.status}")
    return orjson.loads(answer.body)


def _collections(tenant: str, database: str) -> str:
    return f"/api/v2/tenants/{_quoted(tenant)}/databases/{_quoted(database)}/collections"


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _creation(collection: Collection, described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request that makes a collection like the one that an instance describes."""
    return {
        "name": collection.name,
        "metadata": described.get("metadata"),
        "configuration": described.get("configuration_json"),
        "get_or_create": False,
    }


def _encoded(embedding: Sequence[float]) -> str:
    """Return an embedding as Chroma's own client sends it: a quarter of the size of numbers as text."""
    return b64encode(pack(f"<{len(embedding)}f", *embedding)).decode()
