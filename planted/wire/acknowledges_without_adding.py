"""Every fifth add is acknowledged on its way to the replica, and never gets there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planted.catalogue import Expected
from planted.reach import CONTENTS

EXPECTED = Expected(
    "NOT-CONVERGED",
    {"WAL-3": "exact on both instances"},
    also=("WAL-1", *CONTENTS),
    tests=("Each Document Is In Sync Within The Lag Limit",),
)

TOXICS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "replica": [{"type": "status", "attributes": {"status": 201}, "path": "/add", "every": 5}]
}
