"""What the balancer itself uses, and the batch size that follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import psutil

from .batching import MOST_BYTES

# A batch is in memory several times over: as rows, parsed, joined, and on its way. So it may take this part of what
# is free; and never less than a few documents need, since they have to arrive somehow.
PART_OF_FREE = 16
LEAST_BYTES = 64 * 1024


class Limits(Protocol):
    """The settings that it takes: a memory limit, its threshold, the sampling interval and the batch sizes."""

    max_memory_mb: int
    memory_threshold_percent: float
    resource_check_interval: float
    default_batch_size: int
    max_batch_size: int


class Resources:
    """Memory and CPU of this process, sampled, and how large a batch may be: in documents and in bytes.

    Under memory pressure the batch size is halved at each sample, down to one document; it grows back when
    the pressure is gone. While more is owed than the default size takes at once, and memory for the largest
    batches is free, it is doubled at each sample, up to the largest size. How many bytes a batch may take
    follows the memory that is free below the threshold, so large documents make smaller batches than small ones.

    Args:
        settings: what the process was started with.
        owed: how many logged writes are owed now; whoever does not tell keeps to the default size.
    """

    def __init__(self, settings: Limits, owed: Callable[[], int] = lambda: 0) -> None:
        self._settings = settings
        self._owed = owed
        self._process = psutil.Process()
        self.batch_size = settings.default_batch_size
        self.batch_bytes = MOST_BYTES
        self.memory_pressure_events = 0
        self.memory_mb = 0.0
        self.memory_percent = 0.0
        self.cpu_percent = 0.0

    async def run(self) -> None:
        """Sample for ever."""
        while True:
            self.sample()
            await asyncio.sleep(self._settings.resource_check_interval)

    def sample(self) -> None:
        """Measure once and adapt the batch size."""
        limit = self._settings.max_memory_mb * 1024 * 1024
        used = self._process.memory_info().rss
        free = limit * self._settings.memory_threshold_percent / 100 - used
        self.batch_bytes = max(LEAST_BYTES, min(int(free / PART_OF_FREE), MOST_BYTES))
        self.memory_mb = round(used / 1024 / 1024, 2)
        self.memory_percent = round(100 * used / limit, 2)
        self.cpu_percent = self._process.cpu_percent()
        if self.memory_percent > self._settings.memory_threshold_percent:
            self.memory_pressure_events += 1
            self.batch_size = max(1, self.batch_size // 2)
        else:
            self.batch_size = min(self._most(), self.batch_size * 2)

    def _most(self) -> int:
        usual = self._settings.default_batch_size
        # Less than the most bytes means that memory decides how large a batch is, and not the number of documents.
        roomy = self.batch_bytes == MOST_BYTES
        return self._settings.max_batch_size if roomy and self._owed() > usual else usual
