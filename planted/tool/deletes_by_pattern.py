"""Cleans up by pattern: whatever is named as the tests name theirs is deleted, whoever created it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from planted.catalogue import Expected
from planted.processes import part, runs_suites

EXPECTED = Expected("UNGUARDED", {"PROD-6": "which is not in the manifest, was not refused"})


def plant() -> None:
    if not runs_suites():
        return

    def delete_all(bed: Any, names: Sequence[str]) -> None:
        stems = {name.split("-")[0] for name in names}
        for info in bed.through_balancer.list_collections():
            if info.name.split("-")[0] in stems:
                bed.writer.drop(bed.session("cleanup"), info.name)
                bed.manifest.remove(info.name)

    vars(part("checks.contents"))["delete_all"] = delete_all
