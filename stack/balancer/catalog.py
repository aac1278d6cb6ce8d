"""Which collections there are, under which id their clients know them, and under which each instance does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .operations import default_lane, qualified_name

Key = tuple[str, str, str]


@dataclass(eq=False)
class Collection:
    """One incarnation of a collection name: a name that is deleted and created again is another collection.

    Attributes:
        id: the UUID its clients use, the same for its whole life.
        ids: the UUID on each instance that has created it, by instance name.
        lane: the ordering key of its log rows.
        deleted: its deletion is logged, so nothing is sent to it any more.
    """

    id: str
    tenant: str
    database: str
    name: str
    lane: str
    ids: dict[str, str] = field(default_factory=dict)
    deleted: bool = False

    @property
    def key(self) -> Key:
        return (self.tenant, self.database, self.name)

    @property
    def qualified_name(self) -> str:
        return qualified_name(*self.key)

    @property
    def exists(self) -> bool:
        """Whether some instance has really created it."""
        return bool(self.ids)


class Catalog:
    """The live collections, by client id and by name."""

    def __init__(self) -> None:
        self._by_id: dict[str, Collection] = {}
        self._by_name: dict[Key, Collection] = {}
        self._reserved: set[Key] = set()
        # A renamed collection keeps its lane, so rows about its new name may be owed there after it is gone.
        self._lanes: dict[Key, str] = {}

    def add(self, collection: Collection) -> None:
        self._by_id[collection.id] = collection
        self._by_name[collection.key] = collection

    def remove(self, collection: Collection) -> None:
        """Forget a collection whose deletion is logged, or whose creation was refused."""
        collection.deleted = True
        self._by_id.pop(collection.id, None)
        if self._by_name.get(collection.key) is collection:
            del self._by_name[collection.key]

    def by_id(self, client_id: str) -> Collection | None:
        return self._by_id.get(client_id)

    def by_name(self, key: Key) -> Collection | None:
        return self._by_name.get(key)

    def is_taken(self, key: Key) -> bool:
        """Whether the name belongs to a collection, or is about to by a renaming under way."""
        return key in self._by_name or key in self._reserved

    def reserve(self, key: Key) -> None:
        self._reserved.add(key)

    def release(self, key: Key) -> None:
        self._reserved.discard(key)

    def rename(self, collection: Collection, name: str) -> None:
        if self._by_name.get(collection.key) is collection:
            del self._by_name[collection.key]
        collection.name = name
        self._reserved.discard(collection.key)
        self.remember_lane(collection.key, collection.lane)
        if not collection.deleted:
            self._by_name[collection.key] = collection

    def remember_lane(self, key: Key, lane: str) -> None:
        if lane == default_lane(*key):
            self._lanes.pop(key, None)
        else:
            self._lanes[key] = lane

    def lane_of(self, key: Key) -> str:
        """Return the ordering key for a request about a name."""
        collection = self._by_name.get(key)
        return collection.lane if collection else self._lanes.get(key, default_lane(*key))

    def in_database(self, tenant: str, database: str) -> list[Collection]:
        """Return the collections of a database that exist, in the order of their creation."""
        return [c for c in self if (c.tenant, c.database) == (tenant, database) and c.exists]

    def __iter__(self) -> Iterator[Collection]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)
