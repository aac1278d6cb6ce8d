"""Every read of documents is answered with an error on its way to both instances; all else works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planted.catalogue import Expected
from planted.reach import CONTENTS

EXPECTED = Expected(
    red={"DOC-1": "500"}, also=(*CONTENTS, "HEALTH-4", "WAL-1"), tests=("Every Kind Of Change Arrives Exactly",)
)

TOXICS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "primary": [{"type": "status", "attributes": {"status": 500}, "path": "/get"}],
    "replica": [{"type": "status", "attributes": {"status": 500}, "path": "/get"}],
}
