"""What a fault was proved with, a database of its own on an instance, is left there."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.processes import part, runs_small_suites

EXPECTED = Expected("LEFT-BEHIND", {"PROD-5": "signoff-probe is new"}, tests=("A Passed Test Leaves Nothing",))


def plant() -> None:
    if runs_small_suites():
        vars(part("faults.processes"))["_remove_probe_collection"] = lambda bed, role: None
