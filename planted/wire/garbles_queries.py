"""Every tenth query comes back from both instances as something else than JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planted.catalogue import Expected

EXPECTED = Expected("UNAVAILABLE", {"PROD-4": "a query failed"}, tests=("One Client Queries Fast Enough",))

TOXICS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "primary": [{"type": "garble", "path": "/query", "every": 10}],
    "replica": [{"type": "garble", "path": "/query", "every": 10}],
}
