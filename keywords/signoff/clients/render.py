"""Render's control plane: finds services, suspends, resumes and restarts them, and waits until the API says so.

The API answers 202 before anything happens, and says "suspended" before the traffic stops. So a state read here never
proves what a service does; that takes a probe of the service itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..environment import RenderAccess
from ..polling import Clock, poll
from ..verdict import CouldNotObserve, NotMet
from ..words import duration, listing
from .wire import Reply, Wire

_PAGE = 100
_LONGEST_PAUSE = timedelta(seconds=90)


@dataclass(frozen=True)
class Service:
    """A service as the API describes it.

    Attributes:
        kind: "services" or "postgres", its place in the API's addresses.
        plan: its plan's name.
        instances: how many instances it runs; 1 for a database; None if the API doesn't say.
    """

    id: str
    name: str
    kind: str
    suspended: bool
    plan: str
    instances: int | None


class RenderApi:
    """The API, for the services of one environment.

    Args:
        access: its address, key, and which service has which role.
        clock: the time.
    """

    def __init__(self, access: RenderAccess, clock: Clock = time) -> None:
        self._access = access
        self._clock = clock
        self._ids: dict[str, str] = {}
        self._wire = Wire(
            "the Render API",
            access.api_url,
            {"Authorization": f"Bearer {access.api_key}", "Accept": "application/json"},
        )

    @property
    def url(self) -> str:
        """The API's base address."""
        return self._access.api_url

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that have a service."""
        return tuple(self._access.services)

    def check_access(self) -> str:
        """Make sure that the key is accepted and each role has its one service.

        Returns:
            Nothing, as the API reports no version.

        Raises:
            CouldNotObserve: if not.
        """
        for role in self._access.services:
            self.service(role)
        return ""

    def service(self, role: str) -> Service:
        """Return the service of a role, as it is now.

        Args:
            role: balancer, primary, replica or postgres.

        Raises:
            CouldNotObserve: if there isn't exactly one.
        """
        kind = _kind(role)
        answer = self._call("GET", f"/{kind}/{self._id_of(role)}")
        return _service(answer.json(), kind)

    def suspend(self, role: str) -> None:
        """Ask for a role's service to be suspended; it happens a little later."""
        self._call("POST", f"/{_kind(role)}/{self._id_of(role)}/suspend")

    def resume(self, role: str) -> None:
        """Ask for a role's service to be resumed; it happens a little later."""
        self._call("POST", f"/{_kind(role)}/{self._id_of(role)}/resume")

    def resume_service(self, kind: str, id: str) -> None:
        """Ask for a service to be resumed by its id, as an undo journal keeps it.

        Args:
            kind: "services" or "postgres".
            id: the API's id.
        """
        self._call("POST", f"/{kind}/{id}/resume")

    def restart(self, role: str) -> None:
        """Ask for a role's service to be restarted; it happens a little later."""
        self._call("POST", f"/{_kind(role)}/{self._id_of(role)}/restart")

    def wait_until_suspended(self, role: str, suspended: bool, within: timedelta) -> None:
        """Wait until the API shows a state.

        Raises:
            CouldNotObserve: if it doesn't in time: then the fault was not injected, or not undone.
        """
        word = "suspended" if suspended else "not suspended"
        try:
            poll(
                lambda: self.service(role),
                lambda service: service.suspended is suspended,
                within=within,
                patient=True,
                every=timedelta(milliseconds=200),
                what=f"The Render API shows the {role} as {word}",
                describe=lambda service: "suspended" if service.suspended else "not suspended",
                clock=self._clock,
            )
        except NotMet as error:
            raise CouldNotObserve(error.sentence) from None

    def deploys(self, role: str) -> list[Mapping[str, Any]]:
        """Return the deploys of a role's service, newest first."""
        return list(self._items(f"/services/{self._id_of(role)}/deploys", "deploy", {}))

    def event_types(self, role: str, since: datetime) -> list[str]:
        """Return the types of a role's events since a moment, newest first: service_suspended, service_resumed, ….

        Raises:
            CouldNotObserve: if an event has no type or no time.
        """
        types = []
        for event in self._items(f"/services/{self._id_of(role)}/events", "event", {}):
            try:
                type, at = event["type"], datetime.fromisoformat(event["timestamp"])
            except (KeyError, TypeError, ValueError):
                raise CouldNotObserve(f"the Render API shows an event without a type and a time: {event}") from None
            if not isinstance(type, str) or at.tzinfo is None:
                raise CouldNotObserve(f"the Render API shows an event without a type and a time: {event}")
            if at >= since:
                types.append(type)
        return types

    def _id_of(self, role: str) -> str:
        reference = self._access.services.get(role)
        if reference is None:
            raise CouldNotObserve(
                f"no service has the role {role}; the environment file gives {listing(sorted(self._access.services))} "
                "under render.services"
            )
        if reference.startswith(("srv-", "dpg-")):
            return reference
        if role not in self._ids:
            self._ids[role] = self._find(_kind(role), reference).id
        return self._ids[role]

    def _find(self, kind: str, name: str) -> Service:
        word = "postgres" if kind == "postgres" else "service"
        items = self._items(f"/{kind}", word, {"name": name})
        # Names are not unique, and the filter is not promised to be exact.
        found = [service for service in (_service(item, kind) for item in items) if service.name == name]
        if len(found) != 1:
            raise CouldNotObserve(
                f"the Render API knows {len(found)} of the name {name} under /{kind}; there must be exactly one, or "
                "its id must stand under render.services"
            )
        return found[0]

    def _items(self, path: str, word: str, query: Mapping[str, str]) -> Iterator[Any]:
        cursor = ""
        while True:
            more = {"cursor": cursor} if cursor else {}
            reply = self._call("GET", path, {**query, "limit": _PAGE, **more})
            page = reply.json()
            if not isinstance(page, list) or not all(isinstance(item, dict) and word in item for item in page):
                raise CouldNotObserve(f"the Render API answered a list with something else: {reply.text}")
            yield from (item[word] for item in page)
            if len(page) < _PAGE:
                return
            cursor = str(page[-1].get("cursor", ""))

    def _call(self, method: str, path: str, query: Mapping[str, str | int] | None = None) -> Reply:
        """Send a request, and again after the pause that a 429 asks for; nothing else is repeated."""
        waited = 0.0
        while True:
            reply = self._wire.call(method, path, query=query)
            if reply.status != 429:
                break
            pause = _seconds(reply.headers.get("ratelimit-reset", ""))
            if waited + pause > _LONGEST_PAUSE.total_seconds():
                raise CouldNotObserve(
                    f"the Render API takes no more requests of this kind for {duration(pause)} "
                    f"({method} {path}, already waited {duration(waited)})"
                )
            self._clock.sleep(pause)
            waited += pause
        if reply.status not in (200, 201, 202, 204):
            hint = {401: "; check the API key", 403: "; the key has no right to do that"}.get(reply.status, "")
            raise CouldNotObserve(f"the Render API answered {method} {path} with {reply.status}: {reply.text}{hint}")
        return reply


def _seconds(text: str) -> float:
    try:
        return max(0.2, float(text))
    except ValueError:
        return 5.0


def _kind(role: str) -> str:
    return "postgres" if role == "postgres" else "services"


def _service(item: object, kind: str) -> Service:
    if isinstance(item, dict):
        details = item.get("serviceDetails") if kind == "services" else item
        state = item.get("suspended")
        if isinstance(details, dict) and state in ("suspended", "not_suspended"):
            id, name, plan = item.get("id"), item.get("name"), details.get("plan")
            instances = 1 if kind == "postgres" else details.get("numInstances")
            if all(isinstance(text, str) for text in (id, name, plan)) and type(instances) in (int, type(None)):
                return Service(str(id), str(name), kind, state == "suspended", str(plan), instances)
    raise CouldNotObserve(f"the Render API describes a service without id, name, plan or state: {str(item)[:200]}")
