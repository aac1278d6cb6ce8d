"""One Chroma server as the balancer sees it: how to call it, whether it can be trusted, and what it has served."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from .http_client import Answer, HttpClient, Unreachable

log = logging.getLogger(__name__)

# A returned instance has to succeed twice: what an interrupted request left on its way is done by then.
RISE = 2
# An answer that takes longer than this, and than an interval of the health check, is a failure; the contract's own
# timeouts are for clients. Seconds, and seconds for each byte that the instance was given to write meanwhile.
PATIENCE_LEAST, PATIENCE_MOST = 0.25, 2.0
PATIENCE_PER_BYTE = 1e-6


_PASSED_ON = ("content-type", "content-encoding", "retry-after", "chroma-trace-id")


class Instance:
    """A Chroma server with its health.

    Args:
        name: "primary" or "replica".
        url: where it listens, without a trailing slash.
        threshold: how many failures in a row, of probes or of requests, make it unhealthy.
        interval: seconds from one health check to the next.
        on_change: called after the instance became healthy or unhealthy, or came under suspicion.
    """

    def __init__(
        self, name: str, url: str, threshold: int, interval: float, on_change: Callable[[Instance], None]
    ) -> None:
        self.name = name
        self.url = url
        self.up = asyncio.Event()
        self.probe_wanted = asyncio.Event()
        self.request_count = 0
        self.consecutive_failures = 0
        self.last_health_check: datetime | None = None
        self.last_write_succeeded = float("-inf")
        self.risen_at = float("-inf")
        """When it became healthy last, on the monotonic clock."""
        self._threshold = threshold
        self._on_change = on_change
        self._successes = RISE - 1
        # A read that succeeds says nothing about a server that cannot write.
        self._write_suspected = False
        self._only_slow = True
        self._patience = min(max(interval, PATIENCE_LEAST), PATIENCE_MOST)
        self._bytes_under_way = 0
        self._client = HttpClient(url)

    def close(self) -> None:
        self._client.close()

    @property
    def healthy(self) -> bool:
        return self.up.is_set()

    @property
    def trusted(self) -> bool:
        """Healthy, and its last call succeeded too. One that was merely slow once is still trusted."""
        return self.healthy and self.consecutive_failures <= self._only_slow

    @property
    def may_answer(self) -> bool:
        """Whether what was sent to it may still be answered: it is healthy, or has merely been slow."""
        return self.healthy or self._only_slow

    @property
    def about_to_rise(self) -> bool:
        """Whether one more good health check makes it healthy."""
        return not self.healthy and self._successes == RISE - 1

    @property
    def patience(self) -> float:
        """How many seconds an answer may take before it counts as failed, with what the instance has to write now."""
        return self._patience + self._bytes_under_way * PATIENCE_PER_BYTE

    async def call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        """Send one request.

        Args:
            path: path with query string, percent-encoded.
            seconds: how long the answer may take.

        Raises:
            Unreachable: no complete answer came in time.
        """
        size = len(body or b"")
        self._bytes_under_way += size
        slow = asyncio.get_running_loop().call_later(self.patience, self._slow, method, path)
        try:
            return await self._call(method, path, body, headers, seconds, abandonable=False)
        finally:
            slow.cancel()
            self._bytes_under_way -= size

    def _slow(self, method: str, path: str) -> None:
        # Once: many requests that hang for the same reason are one sign of it, and the health check decides.
        if self.healthy and not self.consecutive_failures:
            self.failed(f"{self.name} is slow to answer {method} {path}", slow=True)

    async def probe(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        """As :meth:`call`, for a health check, which counts its own failures."""
        return await self._call(method, path, body, headers, seconds, abandonable=False)

    async def read(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        """As :meth:`call`, for a request that changes nothing: it is given up when :meth:`abandon_reads` says so."""
        return await self._call(method, path, body, headers, seconds, abandonable=True)

    async def _call(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        seconds: float,
        *,
        abandonable: bool,
    ) -> Answer:
        try:
            answer = await self._client.call(method, path, body, headers, seconds, abandonable=abandonable)
        except Unreachable as error:
            raise type(error)(f"{self.name}: {error}") from None
        passed_on = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
        return Answer(answer.status, answer.body, passed_on)

    def abandon_reads(self) -> None:
        """Let every read under way here fail now, so that it can be asked of the other instance."""
        self._client.abandon(f"{self.name} is under suspicion")

    def succeeded(self, *, probe: bool = False, read: bool = False) -> None:
        """Note a call that the instance answered as it should.

        Args:
            probe: it was a health check.
            read: it was a client's read, which clears the instance of failed reads only.
        """
        if probe:
            self.last_health_check = datetime.now(UTC)
        if self.healthy:
            if not (read and self._write_suspected):
                self._clear()
            return
        # Only a probe brings an instance back: it exercises reading and writing, one lucky call does not.
        if probe:
            self._successes += 1
            if self._successes >= RISE:
                self._clear()
                self.up.set()
                self.risen_at = time.monotonic()
                log.warning("%s is healthy", self.name)
                self._on_change(self)

    def _clear(self) -> None:
        self.consecutive_failures = 0
        self._write_suspected = False
        self._only_slow = True

    def failed(self, reason: str, *, probe: bool = False, read: bool = False, slow: bool = False) -> None:
        """Note a call that failed in a way that is the instance's fault; arguments as for :meth:`succeeded`.

        Args:
            slow: it has no answer yet, and may still get one.
        """
        if probe:
            self.last_health_check = datetime.now(UTC)
        else:
            self.probe_wanted.set()
        self._successes = 0
        self._write_suspected |= not read
        trusted, may_answer = self.trusted, self.may_answer
        self._only_slow &= slow
        self.consecutive_failures += 1
        if self.healthy and self.consecutive_failures >= self._threshold:
            self.up.clear()
            log.warning("%s is unhealthy: %s", self.name, reason)
            self._on_change(self)
        elif (trusted and not self.trusted) or (may_answer and not self.may_answer):
            self._on_change(self)
