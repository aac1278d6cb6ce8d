"""Who may use a deployment right now: many readers, or one test that breaks things.

A lock per deployment in ``results/locks``, held with ``flock``: it has a shared mode and a timeout, and ends with its
process, however that ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import time
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import IO

from .places import RESULTS
from .polling import Clock
from .verdict import CouldNotObserve
from .words import duration

FOLDER = RESULTS / "locks"
_EVERY = 0.1


class Use(Enum):
    """How a deployment is used."""

    SHARED = fcntl.LOCK_SH
    ALONE = fcntl.LOCK_EX


class Guard:
    """The lock of one deployment, for this process.

    Args:
        deployment: what tells it from others: the balancer's URL.
        folder: where the lock files lie.
        clock: the time.
    """

    def __init__(self, deployment: str, folder: Path = FOLDER, clock: Clock = time) -> None:
        name = hashlib.sha256(deployment.encode()).hexdigest()[:16]
        self._path = folder / f"{name}.lock"
        self._clock = clock
        self._file: IO[str] | None = None
        self.use: Use | None = None
        """How this process uses the deployment; None if it doesn't."""

    def take(self, use: Use, within: timedelta) -> None:
        """Take the lock, in place of one that is held already.

        Args:
            use: shared, or alone.
            within: how long to wait for others.

        Raises:
            CouldNotObserve: if others don't release it in time.
        """
        self.release()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a")
        deadline = self._clock.monotonic() + within.total_seconds()
        while True:
            try:
                fcntl.flock(file, use.value | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if self._clock.monotonic() >= deadline:
                    file.close()
                    raise CouldNotObserve(
                        f"another run has used this deployment for {duration(within)}; tests that need it "
                        f"{use.name.lower()} have to wait until that run ends"
                    ) from None
                self._clock.sleep(_EVERY)
        self._file, self.use = file, use

    def release(self) -> None:
        """Give the lock back; nothing happens if it isn't held."""
        file, self._file, self.use = self._file, None, None
        if file is not None:
            file.close()
