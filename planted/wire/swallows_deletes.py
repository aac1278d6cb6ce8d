"""Every delete of documents is acknowledged on its way to the primary, and never gets there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planted.catalogue import Expected
from planted.reach import CONTENTS

# Who reads through the balancer is shown the one instance or the other by chance: what is said of it varies.
EXPECTED = Expected(
    red={"DOC-3": "holds exactly what was acknowledged"},
    also=CONTENTS,
    tests=("Deleting By A Condition Deletes Exactly Those",),
)

TOXICS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "primary": [{"type": "status", "attributes": {"status": 200}, "path": "/delete"}]
}
