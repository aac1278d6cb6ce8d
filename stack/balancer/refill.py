"""What an instance has lost, an empty disk at worst, comes back through the log: from the other instance's documents.

Before an instance that was away is served from again, its collections are compared with the mapping. A lost one is
created anew and filled by log rows of its own, page by page, while clients go on writing. Each page is read while no
write of the collection is under way, and takes its place in the log there; so it meets, on its way into the instance,
exactly the rows that came before it and those that come after it, and nothing deleted or replaced can come back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from .catalog import Catalog, Collection
from .copies import HEADERS, STEP_SECONDS, Copies, collections_path, json_of, left, quoted
from .entries import Entry
from .http_client import Unreachable
from .instance import Instance
from .journal import Journal, NotLogged
from .operations import DEFAULT_DATABASE, DEFAULT_TENANT
from .replication import Lane, Replication

log = logging.getLogger(__name__)

PAGE = 500
READ_TIMEOUT = 30.0


class Refill:
    """Finds what instances have lost, and puts what it takes to have it again into their queues.

    Args:
        instances: the Chroma servers.
    """

    def __init__(
        self,
        instances: Sequence[Instance],
        catalog: Catalog,
        journal: Journal,
        replication: Replication,
        copies: Copies,
    ) -> None:
        self._instances = instances
        self._catalog = catalog
        self._journal = journal
        self._replication = replication
        self._copies = copies
        self._begun: dict[tuple[str, str], list[Entry]] = {}
        self._page = PAGE

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
            answer = await instance.probe("GET", collections_path(tenant, database), None, HEADERS, READ_TIMEOUT)
            if answer.status == 404:
                continue
            held |= {str(item["id"]) for item in json_of(answer)}
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
        path = collections_path(collection.tenant, collection.database)
        key = (instance.name, collection.id)
        async with lane.lock:
            deadline = asyncio.get_running_loop().time() + STEP_SECONDS
            await self._replication.until_applied(lane, source, deadline)
            if collection.deleted:
                self._replication.withdraw(lane, self._begun.pop(key, ()), instance)
                return
            own_path = f"{path}/{quoted(collection.name)}"
            description = await source.probe("GET", own_path, None, HEADERS, left(deadline))
            if description.status == 404:
                log.error("both instances have lost the collection %s", collection.name)
                self._replication.withdraw(lane, self._begun.pop(key, ()), instance)
                return
            await self._replication.take_back(lane, collection, instance)
            await self._make_room(collection, instance, deadline)
            # Not before: as long as half a collection may be there, the log says that it is not whole.
            self._replication.withdraw(lane, self._begun.pop(key, ()), instance)
            mine = self._begun[key] = []
            creation = _creation(collection, json_of(description))
            mine.append(await self._copies.log(collection, path, creation, source, instance))
            # Not before: a collection without an id there, and without a row that makes one, would be missed by nobody.
            collection.ids.pop(instance.name, None)
            self._journal.collection_changed(collection)
        # What was there is among them, unless it was deleted since; what comes now is in the log behind the creation.
        ids = await self._copies.ids(source, collection, READ_TIMEOUT)
        log.warning("%s has lost the collection %s: %d documents", instance.name, collection.name, len(ids))
        size = self._page
        for first in range(0, len(ids), size):
            async with lane.lock:
                deadline = asyncio.get_running_loop().time() + STEP_SECONDS
                await self._replication.until_applied(lane, source, deadline)
                if collection.deleted:
                    break
                await self._add_page(source, collection, instance, ids[first : first + size], lane, mine, deadline)
        self._page = PAGE
        del self._begun[key]

    async def _add_page(
        self,
        source: Instance,
        collection: Collection,
        instance: Instance,
        ids: list[str],
        lane: Lane,
        mine: list[Entry],
        deadline: float,
    ) -> None:
        try:
            found = await self._copies.documents(source, collection, ids, left(deadline))
        except Unreachable:
            # Documents may be so large that it takes too long; when it is begun again, with fewer of them at once.
            self._page = max(self._page // 2, 1)
            raise
        others = any(e.collection is collection and e not in mine for e in lane.queues[instance.name])
        if others:
            # Rows of clients that are on their way there may have made some of these documents, or half of them.
            mine.append(await self._copies.delete(collection, ids, source, instance))
        if found["ids"]:
            mine.append(await self._copies.add(collection, found, source, instance))

    async def _make_room(self, collection: Collection, instance: Instance, deadline: float) -> None:
        """Remove whatever the instance has under the collection's name, and see that its database is there."""
        tenant, database = collection.tenant, collection.database
        if tenant != DEFAULT_TENANT:
            await _expect(instance, "POST", "/api/v2/tenants", {"name": tenant}, deadline, also=409)
        if (tenant, database) != (DEFAULT_TENANT, DEFAULT_DATABASE):
            await _expect(
                instance, "POST", f"/api/v2/tenants/{quoted(tenant)}/databases", {"name": database}, deadline, also=409
            )
        await _expect(
            instance,
            "DELETE",
            f"{collections_path(tenant, database)}/{quoted(collection.name)}",
            None,
            deadline,
            also=404,
        )


async def _expect(
    instance: Instance, method: str, path: str, body: Mapping[str, Any] | None, deadline: float, *, also: int
) -> None:
    data = orjson.dumps(body) if body is not None else None
    answer = await instance.probe(method, path, data, HEADERS, left(deadline))
    if answer.status not in (200, 201, also):
        raise Unreachable(f"{instance.name}: {method} {path} answered {answer.status}")


def _creation(collection: Collection, described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request that makes a collection like the one that an instance describes."""
    return {
        "name": collection.name,
        "metadata": described.get("metadata"),
        "configuration": described.get("configuration_json"),
        "get_or_create": False,
    }
