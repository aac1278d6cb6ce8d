"""Knows collections by the ids of before only until the primary goes; after that they have to be looked up again."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.reach import PRIMARY_RETURNS, WORKLOADS
from stack.balancer.catalog import Catalog, Collection, Key
from stack.balancer.deployment import Deployment
from stack.balancer.instance import Instance

EXPECTED = Expected(red={"DOC-2": "does not exist"}, also=(*PRIMARY_RETURNS, *WORKLOADS))


def plant() -> None:
    by_id, by_name, health_changed = Catalog.by_id, Catalog.by_name, Deployment._health_changed
    forgotten: set[Collection] = set()

    def changed(self: Deployment, instance: Instance) -> None:
        if instance is self.primary and not instance.healthy:
            forgotten.update(self.catalog)
        health_changed(self, instance)

    def known(self: Catalog, client_id: str) -> Collection | None:
        found = by_id(self, client_id)
        return None if found in forgotten else found

    def named(self: Catalog, key: Key) -> Collection | None:
        found = by_name(self, key)
        if found is not None:
            forgotten.discard(found)
        return found

    Deployment._health_changed = changed  # type: ignore[method-assign]
    Catalog.by_id, Catalog.by_name = known, named  # type: ignore[method-assign]
