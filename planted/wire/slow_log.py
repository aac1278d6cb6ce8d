"""The database answers, and each request to it takes 60 ms longer on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planted.catalogue import Expected

EXPECTED = Expected("TOO-SLOW", {"PROD-3": "writes/s"}, tests=("One Client Writes Fast Enough",))

TOXICS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "postgres": [{"type": "latency", "attributes": {"latency": 60}}]
}
