"""The Slack sink as a process of its own: what it records, and how it misbehaves on request."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from stack.ports import Ports
from tests.stack.running_stack import ROOT, until

PATH = "/services/T1/B1/secret"


def _healthy(url: str) -> bool:
    try:
        return requests.get(url + "/health", timeout=1).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def _url() -> Iterator[str]:
    ports = Ports(["sink"], {})
    url = f"http://127.0.0.1:{ports['sink']}"
    command = [sys.executable, "-m", "stack.slack_sink", "--port", str(ports["sink"]), "--webhook-path", PATH]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        until("the sink is healthy", lambda: _healthy(url))
        yield url
    finally:
        process.terminate()
        process.wait(timeout=5)
        ports.release()


@pytest.fixture
def sink(_url: str) -> str:
    """The sink's URL; it's empty and answers ok."""
    assert _set_mode(_url, mode="ok").status_code == 200
    assert requests.delete(_url + "/messages", timeout=5).status_code == 204
    return _url


def _set_mode(url: str, **mode: str | int) -> requests.Response:
    return requests.put(url + "/mode", json=mode, timeout=5)


def _post(url: str, payload: Any, timeout: float = 5) -> requests.Response:
    return requests.post(url + PATH, json=payload, timeout=timeout)


def _messages(url: str) -> list[dict[str, object]]:
    return list(requests.get(url + "/messages", timeout=5).json())


def test_a_message_is_answered_ok_and_recorded_with_its_time(sink: str) -> None:
    payload = {"text": "replica is down ⚠", "attachments": [{"color": "danger"}]}
    answer = _post(sink, payload)
    assert (answer.status_code, answer.text) == (200, "ok")
    (message,) = _messages(sink)
    assert (message["payload"], message["status"]) == (payload, 200)
    age = datetime.now(UTC) - datetime.fromisoformat(str(message["received_at"]))
    assert timedelta(0) <= age < timedelta(seconds=5)


def test_blocks_do_instead_of_text(sink: str) -> None:
    assert _post(sink, {"blocks": [{"type": "divider"}]}).text == "ok"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{not json", "invalid_payload"),
        (b"[1]", "invalid_payload"),
        (b"\xff", "invalid_payload"),
        (b"{}", "no_text"),
    ],
)
def test_what_slack_refuses_is_refused_and_not_recorded(sink: str, body: bytes, reason: str) -> None:
    answer = requests.post(sink + PATH, data=body, timeout=5)
    assert (answer.status_code, answer.text) == (400, reason)
    assert _messages(sink) == []


def test_another_webhook_is_unknown(sink: str) -> None:
    assert requests.post(sink + "/services/T1/B1/other", json={"text": "x"}, timeout=5).status_code == 404
    assert _messages(sink) == []


def test_it_fails_when_told_to_and_still_records(sink: str) -> None:
    assert _set_mode(sink, mode="fail", status=410).json()["body"] == "channel_is_archived"
    assert (_post(sink, {"text": "a"}).status_code, _messages(sink)[0]["status"]) == (410, 410)
    _set_mode(sink, mode="fail", status=500, body="out of order")
    assert _post(sink, {"text": "b"}).text == "out of order"
    _set_mode(sink, mode="fail", status=429)
    assert _post(sink, {"text": "c"}).headers["Retry-After"] == "1"
    assert [message["payload"] for message in _messages(sink)] == [
        {"text": "a"},
        {"text": "b"},
        {"text": "c"},
    ]


def test_it_hangs_when_told_to_and_answers_when_told_otherwise(sink: str) -> None:
    _set_mode(sink, mode="hang")
    with pytest.raises(requests.ReadTimeout):
        _post(sink, {"text": "given up"}, timeout=0.2)
    answers: list[str] = []
    sender = threading.Thread(target=lambda: answers.append(_post(sink, {"text": "patient"}).text))
    sender.start()
    until("both arrived", lambda: len(_messages(sink)) == 2)
    assert [message["status"] for message in _messages(sink)] == [None, None]
    _set_mode(sink, mode="ok")
    sender.join(timeout=5)
    assert answers == ["ok"]
    assert [message["status"] for message in _messages(sink)] == [None, 200]


def test_it_breaks_the_connection_when_told_to(sink: str) -> None:
    _set_mode(sink, mode="reset")
    with pytest.raises(requests.ConnectionError):
        _post(sink, {"text": "x"})
    assert len(_messages(sink)) == 1


@pytest.mark.parametrize(
    "mode", [{}, {"mode": "sulk"}, {"mode": "fail", "status": 200}, {"mode": "ok", "extra": 1}, []]
)
def test_a_mode_that_does_not_exist_is_refused(sink: str, mode: Any) -> None:
    answer = requests.put(sink + "/mode", json=mode, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert requests.get(sink + "/mode", timeout=5).json()["mode"] == "ok"
