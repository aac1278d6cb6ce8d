"""A small HTTP/1.1 client with kept-alive connections, for one server.

Every request of a client goes through here, and a general-purpose client costs four times as much of it: measured
on reads, it took a fifth of the balancer's throughput. The parsing is httptools', as in the server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

IDLE_CONNECTIONS = 64


class Unreachable(Exception):
    """No usable answer came: refused, reset, cut short, too late. Whether the request took effect is unknown."""


class TooLate(Unreachable):
    """Nothing came in time, neither an answer nor a sign that there will be none."""


@dataclass(frozen=True)
class Answer:
    """A complete HTTP answer; header names in lower case."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def is_failure(self) -> bool:
        """Whether it tells of trouble in the server. 501 tells of the request: the server knows no such thing."""
        return (self.status >= 500 and self.status != 501) or self.status in (408, 429)


class _Connection(asyncio.Protocol):
    """One connection with at most one request on its way."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Answer] | None = None
        self.usable = False
        self._transport: asyncio.Transport | None = None
        self._emptied = asyncio.Event()
        self._emptied.set()

    def expect(self) -> asyncio.Future[Answer]:
        """Be ready for the answer to a request that is written next."""
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self.answer = asyncio.get_running_loop().create_future()
        return self.answer

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    async def write_in_time(self, data: bytes, complete_by: float) -> None:
        """Write a request, and its last byte only if all others have left this process in time."""
        self.write(data[:-1])
        await self._emptied.wait()
        # Not the loop's clock, which may stand still for as long as the loop does.
        if time.monotonic() > complete_by:
            self.abort(TooLate("not sent: the time in which that was allowed is over"))
        elif self.usable:
            self.write(data[-1:])

    def abort(self, reason: str | Unreachable) -> None:
        """Drop the connection; a request on its way fails with the reason."""
        self._fail(reason if isinstance(reason, Unreachable) else Unreachable(reason))
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport does not derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)
        self.usable = True

    def pause_writing(self) -> None:
        self._emptied.clear()

    def resume_writing(self) -> None:
        self._emptied.set()

    def data_received(self, data: bytes) -> None:
        if self.answer is None or self.answer.done():
            self.abort("an answer that nobody asked for")
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.abort(f"the answer is not HTTP ({error})")

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._emptied.set()
        reason = f"the connection was closed before the answer was complete ({exc or 'end of stream'})"
        self._fail(Unreachable(reason))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self._body.append(part)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.usable = False
        assert self.answer is not None
        if not self.answer.done():
            self.answer.set_result(Answer(self._parser.get_status_code(), b"".join(self._body), self._headers))

    def _fail(self, reason: Unreachable) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(reason)


class HttpClient:
    """Sends requests to one server.

    Args:
        url: the server's URL, http only, e.g. "http://127.0.0.1:8000"; a path in it is put before every path.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        self._ssl = parts.scheme == "https"
        self._prefix = parts.path.rstrip("/")
        self._authority = parts.netloc.rsplit("@", 1)[-1]
        self._idle: list[_Connection] = []
        self._reads: set[_Connection] = set()

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        seconds: float,
        *,
        abandonable: bool = False,
        complete_by: float | None = None,
    ) -> Answer:
        """Send one request and return its complete answer.

        Args:
            path: path with query string, percent-encoded.
            seconds: how long connecting and answering may take together.
            abandonable: :meth:`abandon` may end it before that.
            complete_by: until when, on the monotonic clock, the request may be completed; one that isn't is never
                carried out, since the server lacks its last byte.

        Raises:
            Unreachable: no complete answer came, :class:`TooLate` if only the time is over.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        connection = self._idle.pop() if self._idle else None
        while connection is not None and not connection.usable:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = await self._connect(seconds)
        request, answer = self._request(method, path, body, headers), connection.expect()
        timer = loop.call_at(deadline, connection.abort, TooLate(f"no answer within {seconds:.3g} s"))
        if abandonable:
            self._reads.add(connection)
        try:
            if complete_by is None:
                connection.write(request)
            else:
                await connection.write_in_time(request, complete_by)
            return await answer
        except asyncio.CancelledError:
            connection.abort("the request was cancelled")
            raise
        finally:
            timer.cancel()
            self._reads.discard(connection)
            if connection.usable and len(self._idle) < IDLE_CONNECTIONS:
                self._idle.append(connection)
            else:
                connection.close()

    def abandon(self, reason: str) -> None:
        """Let every abandonable request on its way fail now."""
        for connection in list(self._reads):
            connection.abort(reason)

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _connect(self, seconds: float) -> _Connection:
        try:
            async with asyncio.timeout(seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    _Connection, self._host, self._port, ssl=self._ssl or None
                )
        except TimeoutError:
            raise TooLate(f"no connection within {seconds:.3g} s") from None
        except OSError as error:
            raise Unreachable(f"no connection ({type(error).__name__})") from None
        return connection

    def _request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {self._prefix}{path} HTTP/1.1", f"host: {self._authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"content-length: {len(body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head + body if body else head
