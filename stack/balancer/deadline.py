"""By when the request at hand has its answer: one moment for all that it may have to wait for."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

_DEADLINE: ContextVar[float] = ContextVar("deadline")


def begin(seconds: float) -> None:
    """Give the request of this task so much time from now on."""
    _DEADLINE.set(asyncio.get_running_loop().time() + seconds)


def deadline() -> float:
    """Return the moment, on the event loop's clock."""
    return _DEADLINE.get()


def remaining() -> float:
    """Return how many seconds are left; 0 if none are."""
    return max(_DEADLINE.get() - asyncio.get_running_loop().time(), 0.0)
