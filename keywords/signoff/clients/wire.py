"""One small HTTP layer: explicit timeouts, no proxies from the environment, and failures that say who didn't answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from ..secrets import redact
from ..verdict import CouldNotObserve
from ..words import duration, shortened

CONNECT = timedelta(seconds=3)
DEFAULT_TIMEOUT = timedelta(seconds=15)


class NoAnswer(CouldNotObserve):
    """A server gave no complete answer.

    Args:
        who: whom was asked, in words: "the replica".
        why: what happened instead of an answer.
        sent: False if the connection was refused, so that not one byte of the request can have arrived.
    """

    def __init__(self, who: str, why: str, *, sent: bool) -> None:
        super().__init__(f"{who} did not answer: {why}")
        self.who = who
        self.why = why
        self.sent = sent


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, whole.

    Attributes:
        who: who gave it, in words.
        status: the HTTP status.
        headers: names in lower case.
        elapsed: seconds from the first byte sent to the last one received.
    """

    who: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    elapsed: float = 0.0

    @property
    def text(self) -> str:
        """The body, on one line and cut to what fits into a message."""
        return redact(shortened(self.body.decode("utf-8", "replace"))) or "(nothing)"

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            CouldNotObserve: if it isn't.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            raise CouldNotObserve(f"{self.who} answered {self.status} with no JSON: {self.text}") from None


class Wire:
    """Calls one server. May be used by several threads at once.

    Args:
        who: the server in words, for messages: "the balancer".
        url: its base URL.
        headers: sent with each request. They may hold a credential: nothing here ever shows them.
        timeout: how long an answer may take.
    """

    def __init__(
        self,
        who: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        timeout: timedelta = DEFAULT_TIMEOUT,
    ) -> None:
        self.who = who
        self.url = url.rstrip("/")
        self._headers = dict(headers or {})
        self._timeout = timeout
        self._own = threading.local()

    def call(
        self,
        method: str,
        path: str,
        *,
        payload: object = None,
        data: bytes | None = None,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: timedelta | None = None,
    ) -> Reply:
        """Send one request, once, and return the answer whatever its status.

        Args:
            method: GET, POST, ….
            path: begins with a slash.
            payload: sent as JSON, if given.
            data: the body as it is, in place of ``payload``.
            query: the query string's values.
            headers: further headers.
            timeout: how long the answer may take, in place of the usual.

        Raises:
            NoAnswer: if there is no whole answer.
        """
        sent_headers = self._headers | dict(headers or {})
        if payload is not None:
            data = json.dumps(payload, ensure_ascii=False).encode()
        if data is not None:
            sent_headers = {"Content-Type": "application/json"} | sent_headers
        patience = timeout or self._timeout
        seconds = patience.total_seconds()
        begin = time.monotonic()
        try:
            response = self._session().request(
                method,
                self.url + path,
                data=data,
                params=query,
                headers=sent_headers,
                timeout=(min(CONNECT.total_seconds(), seconds), seconds),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise self._no_answer(error, patience) from None
        elapsed = time.monotonic() - begin
        names = {name.lower(): value for name, value in response.headers.items()}
        return Reply(self.who, response.status_code, names, response.content, elapsed)

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Reply:
        """GET a path; see :meth:`call`."""
        return self.call("GET", path, query=query)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._own, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            # No retries: what happened to a request must be known, and a second try would hide it.
            session.mount("http://", HTTPAdapter(max_retries=0))
            session.mount("https://", HTTPAdapter(max_retries=0))
            self._own.session = session
        return session

    def _no_answer(self, error: requests.RequestException, patience: timedelta) -> NoAnswer:
        reason = getattr(error.args[0], "reason", None) if error.args else None
        never_sent = isinstance(reason, NewConnectionError | ConnectTimeoutError)
        if isinstance(error, requests.ConnectTimeout):
            why = f"no connection within {duration(min(CONNECT, patience))}"
        elif isinstance(error, requests.Timeout):
            why = f"nothing within {duration(patience)}"
        elif isinstance(reason, NewConnectionError):
            why = "the connection was refused" if "refused" in str(reason) else "it can't be reached"
        elif isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
            why = "the connection was closed before the answer was complete"
        else:
            why = f"the request failed ({type(error).__name__})"
        return NoAnswer(self.who, f"{why} ({redact(self.url)})", sent=not never_sent)
