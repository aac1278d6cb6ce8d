"""Takes Slack's place behind an incoming webhook: records what arrives, fails or hangs when told to.

| call | answer |
|---|---|
| ``POST <webhook path>`` | 200 ``ok``; 400 ``invalid_payload`` or ``no_text``; otherwise what the mode says |
| ``GET /messages`` | since the last DELETE: ``received_at``, ``status`` (null: not answered), ``payload`` |
| ``DELETE /messages`` | 204, forgets them |
| ``GET``, ``PUT /mode`` | ``{"mode": "fail", "status": 500, "body": "…"}``; modes: ok, fail, hang, reset |
| ``GET /health`` | 200 |

Messages live in memory: a suspended sink has forgotten them when it's resumed. Run as ``python -m
stack.slack_sink --port N``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum

from aiohttp import web

from .ports import HOST

DEFAULT_WEBHOOK_PATH = "/services/TLOCAL/BLOCAL/local"
_USUAL_BODIES = {
    400: "invalid_payload",
    403: "action_prohibited",
    404: "channel_not_found",
    410: "channel_is_archived",
    429: "rate_limited",
    500: "rollup_error",
}


class Mode(Enum):
    """What the webhook does with a good message, after it recorded it."""

    OK = "ok"
    FAIL = "fail"
    HANG = "hang"
    RESET = "reset"


@dataclass(frozen=True)
class Behaviour:
    """A mode, with what it answers.

    Args:
        mode: the mode.
        status: the status of ``fail``.
        body: the text of ``fail``.
    """

    mode: Mode = Mode.OK
    status: int = 500
    body: str = _USUAL_BODIES[500]


class BadBehaviour(ValueError):
    """A mode that does not exist, in one sentence."""


def behaviour_from(given: object) -> Behaviour:
    """Read the body of ``PUT /mode``.

    Raises:
        BadBehaviour: it's not understood.
    """
    if not isinstance(given, dict):
        raise BadBehaviour('a JSON object such as {"mode": "fail", "status": 500} is needed')
    unknown = sorted(set(given) - {"mode", "status", "body"})
    if unknown:
        raise BadBehaviour(f"{unknown[0]!r} is unknown; allowed are mode, status and body")
    allowed = [mode.value for mode in Mode]
    if given.get("mode") not in allowed:
        raise BadBehaviour(f"mode {given.get('mode')!r} is unknown; allowed are {', '.join(allowed)}")
    status = given.get("status", 500)
    if not isinstance(status, int) or not 400 <= status <= 599:
        raise BadBehaviour(f"status {status!r} is not allowed; a number from 400 to 599 is")
    return Behaviour(Mode(given["mode"]), status, str(given.get("body", _USUAL_BODIES.get(status, "error"))))


@dataclass
class Message:
    """One message that arrived."""

    received_at: datetime
    payload: dict[str, object]
    status: int | None = None


class SlackSink:
    """The sink's application.

    Args:
        webhook_path: the only path that takes messages; another one of that kind is Slack's 404.
    """

    def __init__(self, webhook_path: str = DEFAULT_WEBHOOK_PATH) -> None:
        self._webhook_path = webhook_path
        self._messages: list[Message] = []
        self._behaviour = Behaviour()
        self._changed = asyncio.Condition()

    def application(self) -> web.Application:
        """The web application."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/health", self._health),
                web.get("/messages", self._list),
                web.delete("/messages", self._forget),
                web.get("/mode", self._show_mode),
                web.put("/mode", self._set_mode),
                web.post(self._webhook_path, self._receive),
                web.post("/services/{rest:.*}", self._unknown_webhook),
            ]
        )
        return application

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response(
            [
                {"received_at": m.received_at.isoformat(), "status": m.status, "payload": m.payload}
                for m in self._messages
            ]
        )

    async def _forget(self, request: web.Request) -> web.Response:
        self._messages.clear()
        return web.Response(status=204)

    async def _show_mode(self, request: web.Request) -> web.Response:
        behaviour = self._behaviour
        return web.json_response({"mode": behaviour.mode.value, "status": behaviour.status, "body": behaviour.body})

    async def _set_mode(self, request: web.Request) -> web.Response:
        try:
            behaviour = behaviour_from(json.loads(await request.read()))
        except ValueError as error:  # BadBehaviour, or no JSON
            return web.json_response({"message": str(error)}, status=400)
        async with self._changed:
            self._behaviour = behaviour
            self._changed.notify_all()
        return await self._show_mode(request)

    async def _unknown_webhook(self, request: web.Request) -> web.Response:
        return web.Response(status=404, text="no_team")

    async def _receive(self, request: web.Request) -> web.Response:
        received_at = datetime.now(UTC)
        try:
            payload = json.loads(await request.read())
        except ValueError:
            payload = None
        if not isinstance(payload, dict):
            return web.Response(status=400, text="invalid_payload")
        if not any(payload.get(part) for part in ("text", "blocks", "attachments")):
            return web.Response(status=400, text="no_text")
        message = Message(received_at, payload)
        self._messages.append(message)
        async with self._changed:
            # A message that hangs is answered when the mode changes, unless its sender gave up before.
            await self._changed.wait_for(lambda: self._behaviour.mode is not Mode.HANG)
        return self._reply(request, message, replace(self._behaviour))

    @staticmethod
    def _reply(request: web.Request, message: Message, behaviour: Behaviour) -> web.Response:
        if behaviour.mode is Mode.RESET:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)  # which nobody receives
        if behaviour.mode is Mode.FAIL:
            message.status = behaviour.status
            headers = {"Retry-After": "1"} if behaviour.status == 429 else {}
            return web.Response(status=behaviour.status, text=behaviour.body, headers=headers)
        message.status = 200
        return web.Response(text="ok")


async def _application(webhook_path: str) -> web.Application:
    return SlackSink(webhook_path).application()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stack.slack_sink", description="A Slack webhook that records.")
    parser.add_argument("--port", type=int, required=True, help="loopback port to listen on")
    parser.add_argument("--webhook-path", default=DEFAULT_WEBHOOK_PATH, help="path that takes messages")
    arguments = parser.parse_args()
    # Without access log: the webhook's path is its secret.
    web.run_app(
        _application(arguments.webhook_path),
        host=HOST,
        port=arguments.port,
        access_log=None,
        shutdown_timeout=0.5,
        handler_cancellation=True,
    )


if __name__ == "__main__":
    main()
