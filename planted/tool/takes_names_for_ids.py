"""Takes the name of a collection where its id is needed, and looks the id up by itself."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from planted.processes import part, runs_suites

EXPECTED = Expected(red={"MAP-3": "by a name gave an answer instead of an error"})


def plant() -> None:
    if not runs_suites():
        return
    instances = part("clients.instances")
    honest = instances.Instance.documents_by_reference

    def documents_by_reference(self: Any, reference: str, **query: object) -> Any:
        known = {info.name: info.id for info in self.list_collections()}
        return honest(self, known.get(reference, reference), **query)

    instances.Instance.documents_by_reference = documents_by_reference
