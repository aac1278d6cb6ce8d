"""What is refused as too many requests are there already: counted, and logged now and then.

A refused write has a row in the transaction log; for a read this is all that remains of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from enum import Enum

LOG_EVERY = 10.0
"""Seconds between two lines, however much is refused: an overload must not make more work than it is."""

_log = logging.getLogger(__name__)


class Kind(Enum):
    """What was refused."""

    READ = "read"
    WRITE = "write"


class Refusals:
    """How much was refused since the start.

    Args:
        log_every: seconds between two lines.
    """

    def __init__(self, log_every: float = LOG_EVERY) -> None:
        self.counts = Counter(dict.fromkeys(Kind, 0))
        self._told = Counter(self.counts)
        self._log_every = log_every
        self._resting = False

    def note(self, kind: Kind) -> None:
        """Count a request; the first one is logged at once, and those that follow together."""
        self.counts[kind] += 1
        if not self._resting:
            self._tell()

    def _tell(self) -> None:
        new = self.counts - self._told
        self._resting = bool(new)
        if not new:
            return
        self._told = Counter(self.counts)
        words = " and ".join(f"{number} {kind.value}{'' if number == 1 else 's'}" for kind, number in new.items())
        _log.warning("overload: %s refused; %d in all since the start", words, self.counts.total())
        asyncio.get_running_loop().call_later(self._log_every, self._tell)
