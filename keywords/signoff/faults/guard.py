"""Who may use a deployment right now: many readers, or one test that breaks things; and who may use this machine.

A lock per deployment, and one for the machine, in ``results/locks``, held with ``flock``: it has a shared mode and a
timeout, and ends with its process, however that ends. Whoever uses a deployment shares the machine with the suites
that run beside it. One that measures speed may ask for the machine alone, or it would measure the others.
"""

from __future__ import annotations

import fcntl
import hashlib
import time
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import IO

from ..places import RESULTS
from ..polling import Clock
from ..verdict import CouldNotObserve
from ..words import duration

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
        self._machine = folder / "machine.lock"
        self._clock = clock
        self._files: list[IO[str]] = []
        self.use: Use | None = None
        """How this process uses the deployment; None if it doesn't."""

    def take(self, use: Use, within: timedelta, *, machine: Use = Use.SHARED) -> None:
        """Take the lock, in place of one that is held already.

        Args:
            use: shared, or alone.
            within: how long to wait for others.
            machine: whether other suites may run on this machine meanwhile.

        Raises:
            CouldNotObserve: if others don't release it in time.
        """
        self.release()
        deadline = self._clock.monotonic() + within.total_seconds()
        try:
            # Everybody takes the machine first, so that nobody waits for it with a deployment in hand.
            self._lock(self._machine, machine, deadline, within, "this machine")
            self._lock(self._path, use, deadline, within, "this deployment")
        except BaseException:
            self.release()
            raise
        self.use = use

    def release(self) -> None:
        """Give the lock back; nothing happens if it isn't held."""
        files, self._files, self.use = self._files, [], None
        for file in files:
            file.close()

    def _lock(self, path: Path, use: Use, deadline: float, within: timedelta, what: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
        self._files.append(file)
        while True:
            try:
                fcntl.flock(file, use.value | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if self._clock.monotonic() >= deadline:
                    raise CouldNotObserve(
                        f"others have used {what} for {duration(within)}; tests that need it "
                        f"{use.name.lower()} have to wait until they end"
                    ) from None
                self._clock.sleep(_EVERY)
