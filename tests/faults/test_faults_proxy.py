"""The fault proxy, as a process between real sockets: each toxic does what its name says, and is counted."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from signoff.ports import unused_port

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Server:
    """A server that says what it was asked, and remembers it."""

    port: int
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def _server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.asked.append(f"{self.command} {self.path} {len(body)}")
            if self.path == "/chunked":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
                return
            content = json.dumps({"asked": self.path}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Stay silent."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen = Server(http.server_port)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield seen
    http.shutdown()
    http.server_close()


@pytest.fixture
def server(_server: Server) -> Server:
    """The server, with nothing remembered."""
    _server.asked.clear()
    return _server


@dataclass
class Proxy:
    """A running proxy."""

    url: str
    control: str

    def ask(self, path: str, timeout: float = 5.0, body: bytes | None = None) -> requests.Response:
        method = "GET" if body is None else "POST"
        return requests.request(method, self.url + path, data=body, timeout=timeout)

    def add(self, **toxic: object) -> None:
        reply = requests.post(f"{self.control}/toxics", json=toxic, timeout=5)
        assert reply.status_code == 201, reply.text

    def counted(self) -> list[tuple[int, int]]:
        return [(t["hits"], t["passed"]) for t in requests.get(f"{self.control}/toxics", timeout=5).json()]


@pytest.fixture(scope="module")
def _proxy(_server: Server) -> Iterator[Proxy]:
    listen, control = unused_port(), unused_port()
    arguments = ("--listen", str(listen), "--upstream", f"127.0.0.1:{_server.port}", "--control", str(control))
    with subprocess.Popen([sys.executable, "-m", "stack.fault_proxy", *arguments], cwd=ROOT) as process:
        running = Proxy(f"http://127.0.0.1:{listen}", f"http://127.0.0.1:{control}")
        deadline = time.monotonic() + 10
        while True:
            try:
                requests.get(f"{running.control}/toxics", timeout=1)
                break
            except requests.ConnectionError:
                assert time.monotonic() < deadline, "the proxy did not come up"
                time.sleep(0.02)
        yield running
        process.terminate()


@pytest.fixture
def proxy(_proxy: Proxy) -> Iterator[Proxy]:
    """The proxy, without a toxic."""
    yield _proxy
    requests.delete(f"{_proxy.control}/toxics", timeout=5)


def test_without_a_toxic_everything_passes_unchanged(proxy: Proxy, server: Server) -> None:
    with requests.Session() as session:
        assert session.get(proxy.url + "/one", timeout=5).json() == {"asked": "/one"}
        assert session.post(proxy.url + "/two", data=b"x" * 1_000_000, timeout=5).status_code == 200
        assert session.get(proxy.url + "/chunked", timeout=5).text == "abcdefg"
    assert server.asked == ["GET /one 0", "POST /two 1000000", "GET /chunked 0"]


def test_latency_delays_and_adds_to_another_toxic(proxy: Proxy, server: Server) -> None:
    proxy.add(name="slow", type="latency", attributes={"latency": 300})
    proxy.add(type="status", attributes={"status": 502})
    begin = time.monotonic()
    assert proxy.ask("/one").status_code == 502
    assert time.monotonic() - begin >= 0.3
    assert server.asked == []


def test_a_black_hole_swallows_the_request(proxy: Proxy, server: Server) -> None:
    proxy.add(type="timeout", attributes={"timeout": 0})
    with pytest.raises(requests.ReadTimeout):
        proxy.ask("/one", timeout=0.4)
    assert server.asked == []


def test_a_timeout_ends_with_a_closed_connection(proxy: Proxy) -> None:
    proxy.add(type="timeout", attributes={"timeout": 200})
    with pytest.raises(requests.ConnectionError):
        proxy.ask("/one")


def test_a_reset_comes_before_the_request_goes_on(proxy: Proxy, server: Server) -> None:
    proxy.add(type="reset_peer")
    with pytest.raises(requests.ConnectionError, match=r"(?i)reset"):
        proxy.ask("/one")
    assert server.asked == []


def test_a_lost_reply_leaves_the_effect(proxy: Proxy, server: Server) -> None:
    proxy.add(type="lost_reply")
    with pytest.raises(requests.ConnectionError, match=r"(?i)reset"):
        proxy.ask("/add", body=b"document")
    assert server.asked == ["POST /add 8"]


def test_a_status_is_answered_without_or_after_the_effect(proxy: Proxy, server: Server) -> None:
    proxy.add(name="before", type="status", attributes={"status": 500}, path="/before")
    proxy.add(name="after", type="status", attributes={"status": 503, "forward": 1}, path="/after")
    assert proxy.ask("/before").status_code == 500
    assert proxy.ask("/after").status_code == 503
    assert server.asked == ["GET /after 0"]


def test_a_success_is_answered_as_chroma_does_without_the_effect(proxy: Proxy, server: Server) -> None:
    proxy.add(type="status", attributes={"status": 201}, every=2)
    assert proxy.ask("/add").json() == {"asked": "/add"}
    pretended = proxy.ask("/add")
    assert (pretended.status_code, pretended.json()) == (201, {})
    assert server.asked == ["GET /add 0"]


def test_a_truncated_reply_is_seen_as_one(proxy: Proxy, server: Server) -> None:
    proxy.add(type="truncate", attributes={"bytes": 5})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        proxy.ask("/one")
    assert server.asked == ["GET /one 0"]


def test_down_refuses_connections_until_it_is_taken_away(proxy: Proxy) -> None:
    with requests.Session() as session:
        session.get(proxy.url + "/one", timeout=5)
        proxy.add(type="down")
        with pytest.raises(requests.ConnectionError):
            session.get(proxy.url + "/one", timeout=5)
        with pytest.raises(requests.ConnectionError, match="refused"):
            requests.get(proxy.url + "/one", timeout=5)
    assert requests.delete(f"{proxy.control}/toxics/down", timeout=5).status_code == 204
    assert proxy.ask("/one").status_code == 200


def test_only_the_first_few_of_a_path_are_met_and_all_are_counted(proxy: Proxy) -> None:
    proxy.add(type="status", attributes={"status": 500}, path="/heartbeat", first=2)
    statuses = [proxy.ask(path).status_code for path in ("/heartbeat", "/other", "/heartbeat", "/heartbeat")]
    assert statuses == [500, 200, 500, 200]
    assert proxy.counted() == [(2, 1)]


def test_each_third_is_met(proxy: Proxy) -> None:
    proxy.add(type="status", attributes={"status": 500}, every=3)
    assert [proxy.ask("/x").status_code for _ in range(7)] == [200, 200, 500, 200, 200, 500, 200]
    assert proxy.counted() == [(2, 5)]
    assert requests.delete(f"{proxy.control}/toxics", timeout=5).status_code == 204
    assert proxy.counted() == []


@pytest.mark.parametrize(
    ("toxic", "words"),
    [
        ({"type": "gremlin"}, "one of latency, timeout, reset_peer"),
        ({"type": "latency", "attributes": {"speed": 1}}, "the attributes of latency are latency"),
        ({"type": "latency", "attributes": {"latency": "long"}}, "latency is 'long'; a whole number is needed"),
        ({"type": "status"}, "from 200 to 599"),
        ({"type": "down", "every": 0}, "every is 0"),
        ({"type": "down", "toxicity": 1}, "a toxic has no toxicity"),
        ([], "a toxic has a type"),
    ],
)
def test_what_is_no_toxic_is_refused_in_one_sentence(proxy: Proxy, toxic: object, words: str) -> None:
    reply = requests.post(f"{proxy.control}/toxics", json=toxic, timeout=5)
    assert reply.status_code == 400
    assert words in reply.json()["message"]
    assert proxy.counted() == []


def test_a_server_that_is_gone_is_a_closed_connection(server: Server) -> None:
    listen, control, nobody = unused_port(), unused_port(), unused_port()
    arguments = ("--listen", str(listen), "--upstream", f"127.0.0.1:{nobody}", "--control", str(control))
    with subprocess.Popen([sys.executable, "-m", "stack.fault_proxy", *arguments], cwd=ROOT) as process:
        deadline = time.monotonic() + 10
        while True:
            try:
                requests.get(f"http://127.0.0.1:{listen}/x", timeout=2)
            except requests.ConnectionError as error:
                if "refused" not in str(error):
                    break
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.terminate()
