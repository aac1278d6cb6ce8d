"""Both instances have a plan that costs more than was agreed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from planted.catalogue import Expected
from planted.processes import brings_up_a_stack

EXPECTED = Expected("OVER-BUDGET", {"MON-6": "the plans cost 57 USD a month and the budget is 30"})


def plant() -> None:
    if not brings_up_a_stack():
        return
    from stack import services

    modest = services._chroma

    def costly(*values: Any) -> services.Service:
        return replace(modest(*values), plan="standard")

    vars(services)["_chroma"] = costly
