"""What the balancer itself uses, and the batch size that follows from it."""

from __future__ import annotations

import asyncio

import psutil

from .settings import Settings


class Resources:
    """Memory and CPU of this process, sampled.

    Under memory pressure the batch size is halved at each sample, down to one document; it grows back when
    the pressure is gone.

    Args:
        settings: the memory limit, its threshold, the sampling interval and the batch sizes.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process = psutil.Process()
        self._most = min(settings.default_batch_size, settings.max_batch_size)
        self.batch_size = self._most
        self.memory_pressure_events = 0
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
        self.memory_percent = round(100 * self._process.memory_info().rss / limit, 2)
        self.cpu_percent = self._process.cpu_percent()
        if self.memory_percent > self._settings.memory_threshold_percent:
            self.memory_pressure_events += 1
            self.batch_size = max(1, self.batch_size // 2)
        else:
            self.batch_size = min(self._most, self.batch_size * 2)
