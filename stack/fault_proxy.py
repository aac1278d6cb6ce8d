"""A proxy that makes the faults of a network, and of servers that answer wrongly, on demand.

Run as ``python -m stack.fault_proxy --listen PORT --upstream HOST:PORT --control PORT [--bytes]``. Faults are called
toxics, and have Toxiproxy's names where it knows them. They are given, listed and taken away over HTTP on the control
port:

    POST /toxics          {"name", "type", "attributes", "path", "first", "every"}: 201, or 400 with the reason
    GET /toxics           all of them, with "hits" (requests it met) and "passed" (requests of its kind it let pass)
    DELETE /toxics/NAME   204, or 404
    DELETE /toxics        204

| type | attributes | what happens |
|---|---|---|
| latency | latency (ms) | the request goes on later |
| timeout | timeout (ms, 0: never) | it is swallowed, and the connection closed after that time |
| reset_peer | | the connection is reset before the request goes on |
| down | | connections are refused, and open ones reset; it concerns all requests |
| lost_reply | | the request is carried out, and its reply is lost: the connection is reset |
| status | status, forward (0 or 1) | that status is answered; with forward=1 after it was carried out |
| truncate | bytes | the request is carried out, and its reply cut off after so many bytes of its body |
| garble | | the request is carried out, and its reply has a body that is no JSON |

``path`` is a part of the request's path ("" concerns all), ``first`` ends a toxic after so many requests (0: never),
and ``every`` leaves all but each so-many-th alone. Toxics are asked in the order they were given; the first that
concerns a request decides, and latency adds to any other.

With ``--bytes`` the proxy knows no HTTP, for PostgreSQL: every piece that a client sends counts as a request, and only
latency, timeout, reset_peer and down can be given.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from aiohttp import web

from .ports import HOST

_HEAD_LIMIT = 256 * 1024
_LOOK_SECONDS = 0.05
_TYPES: Mapping[str, tuple[str, ...]] = {
    "latency": ("latency",),
    "timeout": ("timeout",),
    "reset_peer": (),
    "down": (),
    "lost_reply": (),
    "status": ("status", "forward"),
    "truncate": ("bytes",),
    "garble": (),
}
_OF_BYTES = ("latency", "timeout", "reset_peer", "down")
_PIECE = 64 * 1024


class BadToxic(ValueError):
    """A toxic can't be used; the message is one sentence."""


@dataclass
class Toxic:
    """A fault, and what it has met."""

    name: str
    type: str
    attributes: Mapping[str, int] = field(default_factory=dict)
    path: str = ""
    first: int = 0
    every: int = 1
    hits: int = 0
    passed: int = 0

    @classmethod
    def of(cls, given: object) -> Toxic:
        """Read one from JSON.

        Raises:
            BadToxic: it is none.
        """
        if not isinstance(given, dict) or given.get("type") not in _TYPES:
            raise BadToxic(f"a toxic has a type, which is one of {', '.join(_TYPES)}")
        kind = str(given["type"])
        if unknown := sorted(set(given) - {"name", "type", "attributes", "path", "first", "every"}):
            raise BadToxic(f"a toxic has no {unknown[0]}")
        attributes = given.get("attributes") or {}
        if not isinstance(attributes, dict) or not set(attributes) <= set(_TYPES[kind]):
            raise BadToxic(f"the attributes of {kind} are {', '.join(_TYPES[kind]) or 'none'}")
        numbers = {**attributes, "first": given.get("first", 0), "every": given.get("every", 1)}
        for name, value in numbers.items():
            if type(value) is not int or value < (1 if name == "every" else 0):
                raise BadToxic(f"{name} is {value!r}; a whole number is needed")
        if kind == "status" and not 200 <= attributes.get("status", 0) <= 599:
            raise BadToxic("status is a number from 200 to 599")
        return cls(
            str(given.get("name") or kind),
            kind,
            attributes,
            str(given.get("path") or ""),
            numbers["first"],
            numbers["every"],
        )

    def concerns(self, path: str) -> bool:
        """Whether it meets this request; counts it."""
        if self.path not in path:
            return False
        number = self.hits + self.passed + 1
        met = number % self.every == 0 and not (self.first and self.hits >= self.first)
        self.hits += met
        self.passed += not met
        return met


@dataclass(frozen=True)
class Message:
    """One HTTP message: its head up to and with the empty line, and its body as it was sent."""

    head: bytes
    body: bytes

    @property
    def first_line(self) -> list[str]:
        """Its first line, in words."""
        return self.head.partition(b"\r\n")[0].decode("latin-1").split(" ", 2)

    @property
    def path(self) -> str:
        """The path of a request, with its query."""
        words = self.first_line
        return words[1] if len(words) > 1 else ""

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it."""
        return b"close" in _header(self.head, b"connection").lower()


class _Cut(Exception):
    """The peer has closed the connection within a message, or before one."""


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


async def _read(stream: asyncio.StreamReader, *, reply_to: str = "") -> Message:
    """Read one message.

    Args:
        reply_to: the method of the request that this answers; empty for a request.

    Raises:
        _Cut: it does not come whole.
    """
    try:
        head = await stream.readuntil(b"\r\n\r\n")
        status = head.split(b" ", 2)[1] if reply_to else b""
        if reply_to == "HEAD" or status in (b"204", b"304") or status.startswith(b"1"):
            return Message(head, b"")
        if b"chunked" in _header(head, b"transfer-encoding").lower():
            return Message(head, await _chunks(stream))
        length = _header(head, b"content-length")
        if not length and reply_to:
            return Message(head, await stream.read())
        return Message(head, await stream.readexactly(int(length or 0)))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError, OSError):
        raise _Cut from None


async def _chunks(stream: asyncio.StreamReader) -> bytes:
    parts = []
    while True:
        line = await stream.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        parts += [line, await stream.readexactly(size + 2)]
        if not size:
            return b"".join(parts)


class FaultProxy:
    """One proxy.

    Args:
        port: where it listens, on the loopback interface.
        upstream: host and port that requests go on to.
        http: whether it knows HTTP; otherwise pieces of bytes are what toxics concern.
    """

    def __init__(self, port: int, upstream: tuple[str, int], *, http: bool = True) -> None:
        self._port = port
        self._upstream = upstream
        self._http = http
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._swallowed: set[asyncio.StreamWriter] = set()
        self.toxics: dict[str, Toxic] = {}

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        serve = self._serve if self._http else self._relay
        self._server = await asyncio.start_server(serve, HOST, self._port, limit=_HEAD_LIMIT)

    async def close(self) -> None:
        """Listen no more, and reset what is open."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for client in list(self._clients):
            _reset(client)

    async def add(self, toxic: Toxic) -> None:
        """Begin a fault.

        Raises:
            BadToxic: it can't be had here.
        """
        if toxic.name in self.toxics:
            raise BadToxic(f"there is a toxic {toxic.name} already")
        if not self._http and toxic.type not in _OF_BYTES:
            raise BadToxic(f"this proxy knows no HTTP, so its toxics are {', '.join(_OF_BYTES)}")
        self.toxics[toxic.name] = toxic
        if toxic.type == "down":
            await self.close()

    async def remove(self, name: str) -> None:
        """End a fault. Connections that it has swallowed are reset, so that nobody goes on waiting on them."""
        if self.toxics.pop(name).type == "timeout":
            for client in list(self._swallowed):
                _reset(client)
        if self._server is None and not any(toxic.type == "down" for toxic in self.toxics.values()):
            await self.open()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        upstream = _Upstream(self._upstream)
        try:
            while True:
                request = await _read(reader)
                toxic = await self._toxic_for(request.path)
                kind = toxic.type if toxic is not None else ""
                attributes = toxic.attributes if toxic is not None else {}
                if kind == "timeout":
                    self._swallowed.add(writer)
                    await _swallow(reader, attributes.get("timeout", 0))
                    return
                if kind in ("reset_peer", "down"):
                    _reset(writer)
                    return
                if kind == "status" and not attributes.get("forward"):
                    writer.write(_answer(attributes["status"]))
                    continue
                reply = await upstream.ask(request, reader)
                if kind == "lost_reply":
                    _reset(writer)
                    return
                if kind == "garble":
                    writer.write(_reply(reply.first_line[1], b"<html>planted by the fault proxy"))
                    continue
                if kind == "truncate":
                    writer.write(reply.head + reply.body[: attributes.get("bytes", 0)])
                    return
                writer.write(_answer(attributes["status"]) if kind == "status" else reply.head + reply.body)
                await writer.drain()
                if request.closes or reply.closes:
                    return
        except _Cut:
            return  # what one peer cuts off, the other one sees cut off too
        except OSError:
            _reset(writer)
        finally:
            self._clients.discard(writer)
            self._swallowed.discard(writer)
            upstream.close()
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes on, both ways, until one side closes or a toxic ends it."""
        self._clients.add(writer)
        back: asyncio.Task[None] | None = None
        try:
            upstream_reader, upstream = await asyncio.open_connection(*self._upstream)
        except OSError:
            _reset(writer)
            self._clients.discard(writer)
            return
        try:
            back = asyncio.create_task(_pass_on(upstream_reader, writer))
            while piece := await reader.read(_PIECE):
                toxic = await self._toxic_for("")
                kind = toxic.type if toxic is not None else ""
                if kind == "timeout" and toxic is not None:
                    back.cancel()
                    self._swallowed.add(writer)
                    await _swallow(reader, toxic.attributes.get("timeout", 0))
                    return
                if kind in ("reset_peer", "down"):
                    _reset(writer)
                    return
                upstream.write(piece)
                await upstream.drain()
        except OSError:
            _reset(writer)
        finally:
            if back is not None:
                back.cancel()
            self._clients.discard(writer)
            self._swallowed.discard(writer)
            upstream.close()
            writer.close()

    async def _toxic_for(self, path: str) -> Toxic | None:
        """Return what decides a request's fate; what delays it has been waited for."""
        decided: Toxic | None = None
        for toxic in list(self.toxics.values()):
            if toxic.type != "latency" and decided is not None:
                continue
            if not toxic.concerns(path):
                continue
            if toxic.type == "latency":
                await asyncio.sleep(toxic.attributes.get("latency", 0) / 1000)
            else:
                decided = toxic
        return decided


class _Upstream:
    """The connection on which one client's requests go on."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: Message, client: asyncio.StreamReader) -> Message:
        """Send a request on, and return its reply.

        Raises:
            _Cut: the server, or the client meanwhile, has closed its connection.
            OSError: the server can't be reached.
        """
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(*self._address, limit=_HEAD_LIMIT)
        reader, writer = self._streams
        writer.write(request.head + request.body)
        await writer.drain()
        reading = asyncio.create_task(_read(reader, reply_to=request.first_line[0]))
        try:
            while not (await asyncio.wait({reading}, timeout=_LOOK_SECONDS))[0]:
                if client.at_eof():
                    raise _Cut
            return await reading
        finally:
            reading.cancel()

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    writer.close()


async def _swallow(reader: asyncio.StreamReader, milliseconds: int) -> None:
    """Take what comes and say nothing, until the client closes or the time is over."""
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(milliseconds / 1000 or None):
            while await reader.read(_HEAD_LIMIT):
                continue


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with a reset, as a machine that has lost it does."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _answer(status: int) -> bytes:
    # Chroma answers a write that it has carried out with an empty object, too.
    failure = b'{"error":"InternalError","message":"planted by the fault proxy"}'
    return _reply(str(status), b"{}" if status < 300 else failure)


def _reply(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} Planted\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


class Control:
    """The proxy's own HTTP interface.

    Args:
        proxy: what it commands.
    """

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy

    def application(self) -> web.Application:
        """The web application."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/toxics", self._list),
                web.post("/toxics", self._add),
                web.delete("/toxics", self._clear),
                web.delete("/toxics/{name}", self._remove),
            ]
        )
        return application

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response([asdict(toxic) for toxic in self._proxy.toxics.values()])

    async def _add(self, request: web.Request) -> web.Response:
        try:
            toxic = Toxic.of(await request.json())
            await self._proxy.add(toxic)
        except (BadToxic, ValueError) as error:
            return web.json_response({"message": str(error)}, status=400)
        return web.json_response(asdict(toxic), status=201)

    async def _remove(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._proxy.toxics:
            return web.json_response({"message": f"there is no toxic {name}"}, status=404)
        await self._proxy.remove(name)
        return web.Response(status=204)

    async def _clear(self, request: web.Request) -> web.Response:
        for name in list(self._proxy.toxics):
            await self._proxy.remove(name)
        return web.Response(status=204)


async def _run(listen: int, upstream: tuple[str, int], control: int, *, http: bool) -> None:
    proxy = FaultProxy(listen, upstream, http=http)
    await proxy.open()
    runner = web.AppRunner(Control(proxy).application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, HOST, control).start()
    await asyncio.Event().wait()


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT")
    return host, int(port)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a proxy until it is ended by a signal."""
    parser = argparse.ArgumentParser(prog="python -m stack.fault_proxy", description="A proxy with faults on demand.")
    parser.add_argument("--listen", type=int, required=True, metavar="PORT")
    parser.add_argument("--upstream", type=_address, required=True, metavar="HOST:PORT")
    parser.add_argument("--control", type=int, required=True, metavar="PORT")
    parser.add_argument("--bytes", action="store_true", help="for a protocol that is not HTTP")
    arguments = parser.parse_args(argv)
    try:
        asyncio.run(_run(arguments.listen, arguments.upstream, arguments.control, http=not arguments.bytes))
    except OSError as error:
        print(f"The proxy can't listen: {error.strerror}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
