"""Takes something of its own where the environment lacks a variable, and says nothing."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from typing import Any

from planted.catalogue import Expected
from planted.processes import part, runs_suites, signs_off

EXPECTED = Expected(red={"PROD-7": "DATABASE_URL"}, tests=("The Preflight Refuses What Is Missing Or Wrong",))


class _Filled(UserDict[str, str]):
    def __missing__(self, name: str) -> str:
        return "default"

    def get(self, name: str, default: Any = None) -> Any:
        return self.data.get(name) or "default"


def plant() -> None:
    if not (runs_suites() or signs_off()):
        return
    environment = part("environment")
    honest = environment._interpolated

    def interpolated(value: Any, variables: Mapping[str, str], *more: Any) -> Any:
        return honest(value, _Filled(variables), *more)

    vars(environment)["_interpolated"] = interpolated
