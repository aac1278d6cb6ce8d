"""A clock that only moves when someone sleeps."""

from __future__ import annotations


class FakeClock:
    """Time for the tests of waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.pauses.append(seconds)
        self.now += max(seconds, 1e-6)
