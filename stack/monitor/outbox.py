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
            async with self._http.post(self._url, json=message, timeout=self._timeout) as response:
                text = (await response.text(errors="replace"))[:100]
                return outcome_of(response.status, text, response.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The error's own words may hold the address.
            return Try(Fate.FAILED, type(error).__name__)


def outcome_of(status: int, body: str, retry_after: str) -> Try:
    """Read Slack's answer: 200 takes a message, 400 will never take this one, anything else is tried again."""
    if status == 200:
        return Try(Fate.TAKEN)
    wait = min(float(retry_after), 60.0) if retry_after.isdecimal() else 0.0
    return Try(Fate.REFUSED if status == 400 else Fate.FAILED, f"{status} {body}", wait)
