"""Takes a name as free until its first creation has been executed."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.balancer.catalog import Catalog, Key

EXPECTED = Expected("PROTOCOL", {"MAP-2": "instead of 409"}, also=("MAP-1",))


def plant() -> None:
    honest = Catalog.is_taken

    def is_taken(self: Catalog, key: Key) -> bool:
        collection = self.by_name(key)
        return honest(self, key) and (collection is None or collection.exists)

    Catalog.is_taken = is_taken  # type: ignore[method-assign]
