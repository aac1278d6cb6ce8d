"""Writes rows of measurements, and measures nothing."""

from __future__ import annotations

from planted.catalogue import Expected
from stack.monitor.advice import Use
from stack.monitor.sampling import Sampler

EXPECTED = Expected("NO-MEASUREMENT", {"MON-1": "can't be true"}, tests=("Measurements Keep Coming",))


def plant() -> None:
    def sample(self: Sampler) -> list[Use]:
        return [Use("chroma-primary", 0.0, 0.0, 0.0)]

    Sampler.sample = sample  # type: ignore[method-assign]
