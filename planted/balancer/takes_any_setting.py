"""Starts with its defaults where a setting can't be used, and says nothing."""

from __future__ import annotations

import os

from pydantic import ValidationError

from planted.catalogue import Expected
from stack.balancer import __main__ as balancer
from stack.balancer.settings import Settings

EXPECTED = Expected(
    "IGNORED-SETTING",
    {"PROD-1": "was named in 0 lines"},
    also=("PROD-7",),
    tests=("Settings That Cannot Be Used Stop The Start",),
)


def plant() -> None:
    def lenient() -> Settings:
        try:
            return Settings()
        except ValidationError as error:
            named = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
            wrong = {name.upper() for name in named if not Settings.model_fields[name].is_required()}
            if not wrong:
                raise
        for name in wrong:
            del os.environ[name]
        return lenient()

    vars(balancer)["Settings"] = lenient
