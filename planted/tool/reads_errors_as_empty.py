"""Reads "bad request" and "not found" as "no documents"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from planted.catalogue import Expected
from planted.processes import part, runs_suites

EXPECTED = Expected(red={"MAP-3": "gave an answer instead of an error"})


def plant() -> None:
    if not runs_suites():
        return
    instances = part("clients.instances")
    honest = instances.Instance._page

    def page(self: Any, reference: str, query: Mapping[str, object]) -> Any:
        path = f"{instances.COLLECTIONS}/{quote(reference, safe='')}/get"
        if self.wire.call("POST", path, payload=dict(query)).status in (400, 404):
            return []
        return honest(self, reference, query)

    instances.Instance._page = page
