"""Measures four times more seldom than it is told to."""

from __future__ import annotations

from functools import partial

from planted.catalogue import Expected
from stack.monitor import __main__ as monitor
from stack.monitor.settings import Settings

# One look alone may come just before a measurement; of all its tests, one does not.
EXPECTED = Expected(
    "NO-MEASUREMENT", {"MON-1": "A new measurement is written within 2 intervals"}, also=("MON-2", "MON-3")
)


def plant() -> None:
    def patient() -> Settings:
        settings = Settings()
        return settings.model_copy(update={"resource_check_interval": 4 * settings.resource_check_interval})

    vars(monitor)["Settings"] = partial(patient)
