"""A purge deletes whatever is named as the tests name theirs, whether a manifest has it or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from planted.catalogue import Expected
from planted.processes import part, signs_off

EXPECTED = Expected("COLLATERAL", {"PROD-6": "which no manifest has"})


def plant() -> None:
    if not signs_off():
        return
    leftovers = part("leftovers")
    honest = leftovers._purge

    def purge(environment: Any, left: Any, say: Any) -> int:
        balancer = part("clients.instances").Instance("balancer", environment.balancer_url)
        stems = {name.split("-")[0] for _, name in left}
        named: list[tuple[Path, str]] = [
            (left[0][0], info.name) for info in balancer.list_collections() if info.name.split("-")[0] in stems
        ]
        return int(honest(environment, named, say))

    vars(leftovers)["_purge"] = purge
