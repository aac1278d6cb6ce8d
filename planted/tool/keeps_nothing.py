"""A test that has failed deletes what a person would want to look at."""

from __future__ import annotations

from typing import Any

from planted.catalogue import Expected
from planted.processes import part, runs_small_suites

EXPECTED = Expected("UNGUARDED", {"PROD-5": "kept nothing"}, tests=("A Failed Test Keeps Its Data",))


def plant() -> None:
    if not runs_small_suites():
        return
    contents, testbed = part("checks.contents"), part("testbed")

    def keep(self: Any) -> None:
        contents.delete_all(testbed.current(), self.present())

    part("manifest").Manifest.keep = keep
