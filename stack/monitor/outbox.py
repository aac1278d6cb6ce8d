"""Messages on their way to Slack: one after the other, in order, each until it is taken.

Nobody waits for them: whoever has a message puts it here and goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import aiohttp

MOST_WAITING = 200
"""When a channel is away for so long that more wait, the oldest are given up: the newest state is what matters."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0

_TAKEN = b"ok"
_MOST_BYTES = 1024
"""So much of an answer is looked at."""

_log = logging.getLogger(__name__)
Message = Mapping[str, Any]


class Fate(Enum):
    """What became of one try."""

    TAKEN = auto()
    REFUSED = auto()
    """It will never be taken as it is."""
    FAILED = auto()


@dataclass(frozen=True)
class Try:
    """One try, with what Slack asks for before the next one, in seconds."""

    fate: Fate
    why: str = ""
    retry_after: float = 0.0


class Outbox:
    """What is still to be sent.

    Args:
        post: sends a message once.
        pause: waits so many seconds; tests give another one.
        changed: called whenever a message has come, or need not be sent any more.
        waiting: messages to begin with, oldest first.
    """

    def __init__(
        self,
        post: Callable[[Message], Awaitable[Try]],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        changed: Callable[[], None] = lambda: None,
        waiting: Iterable[Message] = (),
    ) -> None:
        self._post = post
        self._pause = pause
        self._changed = changed
        self._waiting: deque[Message] = deque(waiting)
        self._added = asyncio.Event()

    @property
    def waiting(self) -> tuple[Message, ...]:
        """What was not taken so far, oldest first."""
        return tuple(self._waiting)

    def add(self, *messages: Message) -> None:
        """Send messages, after those that wait already."""
        for message in messages:
            # The first one may be on its way right now, so it is not the one to give up.
            if len(self._waiting) >= MOST_WAITING:
                del self._waiting[1]
                _log.error("Slack takes nothing, and %d messages wait: the oldest one is given up", MOST_WAITING)
            self._waiting.append(message)
        self._changed()
        self._added.set()

    async def run(self) -> None:
        """Send for ever."""
        while True:
            while not self._waiting:
                self._added.clear()
                await self._added.wait()
            await self._deliver(self._waiting[0])
            self._waiting.popleft()
            self._changed()

    async def _deliver(self, message: Message) -> None:
        seconds = _FIRST_PAUSE
        while True:
            outcome = await self._post(message)
            if outcome.fate is Fate.TAKEN:
                return
            if outcome.fate is Fate.REFUSED:
                _log.error("Slack refused a message: %s", outcome.why)
                return
            _log.warning("Slack did not take a message: %s", outcome.why)
            await self._pause(max(seconds, outcome.retry_after))
            seconds = min(2 * seconds, _LONGEST_PAUSE)


class Webhook:
    """Slack's incoming webhook.

    Args:
        http: for the requests.
        url: its address, which is its credential.
        seconds: how long an answer may take.
    """

    def __init__(self, http: aiohttp.ClientSession, url: str, seconds: float) -> None:
        self._http = http
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=seconds)

    async def post(self, message: Message) -> Try:
        """Send a message once."""
        try:
            # Whoever else is at the end of a redirect is not the channel.
            async with self._http.post(
                self._url, json=message, timeout=self._timeout, allow_redirects=False
            ) as response:
                body = await response.content.read(_MOST_BYTES)
                return outcome_of(response.status, body, response.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # A host that no name server could know is a ValueError. The error's own words may hold the address.
            return Try(Fate.FAILED, type(error).__name__)


def outcome_of(status: int, body: bytes, retry_after: str) -> Try:
    """Read Slack's answer: 200 with ``ok`` takes a message, 400 will never take this one, all else is tried again.

    No part of the body goes into the words: servers repeat the address there, which is the credential.
    """
    if status == 200 and body.strip() == _TAKEN:
        return Try(Fate.TAKEN)
    wait = min(float(retry_after), 60.0) if retry_after.isdecimal() else 0.0
    why = f"status {status}, and the body is not {_TAKEN.decode()}" if status == 200 else f"status {status}"
    return Try(Fate.REFUSED if status == 400 else Fate.FAILED, why, wait)
