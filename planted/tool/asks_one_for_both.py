"""Asks the primary whenever it is to ask the replica."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from planted.processes import part, runs_suites
from planted.reach import CONTENTS

EXPECTED = Expected(red={"MAP-1": "has the same id on both instances"}, also=("MAP-2", "MAP-4", "MAP-5", *CONTENTS))


def plant() -> None:
    if not runs_suites():
        return
    bed = part("testbed").Testbed
    honest = bed.instance

    def instance(self: Any, role: str) -> Any:
        return honest(self, "primary")

    bed.instance = instance
