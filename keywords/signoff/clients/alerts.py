"""What a deployment tells Slack, read back from where it arrives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from ..environment import AlertSink
from ..verdict import CouldNotObserve
from .wire import Wire


class Notice(Enum):
    """What a message is."""

    ALERT = "alert"
    RECOVERY = "recovery notice"
    OTHER = "other message"


@dataclass(frozen=True)
class Message:
    """One message, as it arrived.

    Attributes:
        at: when.
        taken: whether it was answered with 200; a message that was not has to be sent again.
        status: what it was answered with; None if nothing.
        roles: the instances that it names: primary, replica.
        text: its text alone.
        payload: all of it, as JSON.
    """

    at: datetime
    status: int | None
    notice: Notice
    roles: frozenset[str]
    text: str
    payload: str = field(repr=False)

    @property
    def taken(self) -> bool:
        return self.status == 200


class Alerts:
    """A sink behind an incoming webhook: ``GET /messages`` lists what came, ``PUT /mode`` makes it fail.

    Args:
        sink: where it is, and how alerts are recognised.
        instances: the deployment's own names of our roles.
    """

    def __init__(self, sink: AlertSink, instances: Mapping[str, str]) -> None:
        self.url = sink.url
        self._sink = sink
        self._instances = instances
        self._wire = Wire("the alert sink", sink.url)

    def messages(self) -> list[Message]:
        """Return everything that has arrived, oldest first.

        Raises:
            CouldNotObserve: if the sink does not tell.
        """
        reply = self._wire.get("/messages")
        answer = reply.json() if reply.status == 200 else None
        if not isinstance(answer, list):
            raise CouldNotObserve(f"the alert sink answered {reply.status} in place of its messages: {reply.text}")
        return [self._message(item) for item in answer]

    def mode(self) -> str:
        """Return how the sink answers now: ok, fail, hang or reset."""
        return str(self._wire.get("/mode").json().get("mode"))

    def behave(self, mode: str) -> None:
        """Make the sink answer otherwise: ok, fail (with 500), hang or reset.

        Raises:
            CouldNotObserve: if it doesn't.
        """
        reply = self._wire.call("PUT", "/mode", payload={"mode": mode})
        if reply.status != 200 or reply.json().get("mode") != mode:
            raise CouldNotObserve(f"the alert sink could not be told to {mode}: {reply.text}")

    def _message(self, item: Any) -> Message:
        try:
            payload, status = item["payload"], item["status"]
            at = datetime.fromisoformat(item["received_at"])
        except (KeyError, TypeError, ValueError):
            raise CouldNotObserve("the alert sink lists a message without its time, status or payload") from None
        text = str(payload.get("text", ""))
        return Message(at, status, self._notice(text), self._roles(text), text, json.dumps(payload, ensure_ascii=False))

    def _notice(self, text: str) -> Notice:
        # A recovery first: "no longer unhealthy" is one, too.
        if self._sink.recovery.search(text):
            return Notice.RECOVERY
        return Notice.ALERT if self._sink.alert.search(text) else Notice.OTHER

    def _roles(self, text: str) -> frozenset[str]:
        return frozenset(
            role for role, name in self._instances.items() if re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE)
        )
