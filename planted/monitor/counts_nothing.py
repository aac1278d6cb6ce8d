"""Counts no document that was synced."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.monitor import store

EXPECTED = Expected("MISCOUNTED", {"MON-1": "a measurement counts"}, tests=("Measurements Count What Was Done",))


def plant() -> None:
    store._SYNCED = store._SYNCED.replace("status = 'synced'", "status = 'never'")
