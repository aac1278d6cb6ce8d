"""Every message to Slack is answered with 200 on its way, and never gets there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planted.catalogue import Expected

EXPECTED = Expected(
    "ALERT-MISSING",
    {"MON-3": "The alert about the primary arrives"},
    also=("PROD-2",),
    tests=("A Crash Of The Primary Is Told Once",),
)

TOXICS: Mapping[str, Sequence[Mapping[str, object]]] = {"slack": [{"type": "status", "attributes": {"status": 200}}]}
