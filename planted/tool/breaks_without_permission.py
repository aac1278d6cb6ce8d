"""Makes faults wherever it is asked to, without a permission, and while others use the deployment."""

from __future__ import annotations

from planted.catalogue import Expected
from planted.processes import part, runs_suites

EXPECTED = Expected("UNGUARDED", {"PROD-6": "without permission"}, tests=("No Fault Is Made Without Permission",))


def plant() -> None:
    if runs_suites():
        part("testbed").Testbed.require_faults = lambda self: None
