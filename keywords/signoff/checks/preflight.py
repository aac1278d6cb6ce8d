"""Before the first test: is everything there, does it answer, and is it what it should be?"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from ..clients.balancer import Balancer
from ..clients.database import Database
from ..clients.instances import Instance
from ..clients.render import RenderApi
from ..environment import Environment
from ..polling import Clock, poll
from ..secrets import redact
from ..verdict import CouldNotObserve, NotMet
from ..words import duration

_EVERY = timedelta(milliseconds=250)
_PATIENCE = timedelta(seconds=5)
_DATABASES = "/api/v2/tenants/default_tenant/databases"


WAIT_VARIABLE = "SIGNOFF_WAIT"
_LOCAL_WAIT, _HOSTED_WAIT = timedelta(seconds=30), timedelta(seconds=180)


class PreflightFailed(Exception):
    """The deployment can't be tested; the message is one sentence for each problem."""


@dataclass(frozen=True)
class Deployment:
    """What was found.

    Attributes:
        targets: addresses by role, without credentials.
        versions: what the servers report of themselves.
    """

    targets: Mapping[str, str]
    versions: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"targets": dict(self.targets), "versions": dict(self.versions)}


def usual_wait(environment: Environment) -> timedelta:
    """Return how long a starting service is waited for: up to 180 s, less on a stack of this machine that is up.

    SIGNOFF_WAIT, in seconds, says otherwise.

    Raises:
        PreflightFailed: if that is no number of seconds.
    """
    given = os.environ.get(WAIT_VARIABLE)
    if given is None:
        return _HOSTED_WAIT if environment.local is None else _LOCAL_WAIT
    try:
        wait = timedelta(seconds=float(given))
    except (ValueError, OverflowError):
        wait = timedelta(0)
    if wait <= timedelta(0):
        raise PreflightFailed(f"{WAIT_VARIABLE} is {given}; a positive number of seconds is allowed.")
    return wait


def preflight(environment: Environment, wait: timedelta, clock: Clock = time) -> Deployment:
    """Look at each part of a deployment.

    Args:
        environment: what to look at.
        wait: how long a service that is still starting is waited for, all services together.
        clock: the time.

    Returns:
        What answered, and in which version.

    Raises:
        PreflightFailed: if a service doesn't answer in time, is something else than it should be, or two addresses
            lead to the same instance.
    """
    if problem := _same_address(environment):
        raise PreflightFailed(problem)
    patience = timedelta(seconds=5)
    primary = Instance("primary", environment.primary_url, patience)
    replica = Instance("replica", environment.replica_url, patience)
    database = Database(environment.database_url, environment.dialect.sql, 5.0)
    questions: dict[str, tuple[str, Callable[[], str]]] = {
        "balancer": (
            environment.balancer_url,
            lambda: Balancer(environment.balancer_url, environment.dialect, patience).status().version,
        ),
        "Chroma primary": (environment.primary_url, lambda: _chroma(primary)),
        "Chroma replica": (environment.replica_url, lambda: _chroma(replica)),
        "PostgreSQL": (redact(environment.database_url), database.version),
    }
    if environment.render is not None:
        api = RenderApi(environment.render)
        questions["Render API"] = (environment.render.api_url, api.check_access)
    try:
        versions = _ask_all(questions, wait, clock)
    finally:
        database.close()
    _two_instances(primary, replica)
    targets = {name: redact(_without_credentials(url)) for name, (url, _) in questions.items()}
    return Deployment(targets, versions)


def _ask_all(questions: Mapping[str, tuple[str, Callable[[], str]]], wait: timedelta, clock: Clock) -> dict[str, str]:
    begin = clock.monotonic()
    answers: dict[str, str] = {}
    while True:
        problems: dict[str, str] = {}
        for name, (_, ask) in questions.items():
            if name in answers:
                continue
            try:
                answers[name] = ask()
            except CouldNotObserve as error:
                problems[name] = error.sentence
        if not problems:
            return {name: answers[name] for name in questions if answers[name]}
        waited = clock.monotonic() - begin
        if waited >= wait.total_seconds():
            lines = [
                f"The {name} at {redact(_without_credentials(questions[name][0]))} can't be used: {problem} "
                f"(waited {duration(wait)})."
                for name, problem in problems.items()
            ]
            raise PreflightFailed("\n".join(lines))
        clock.sleep(min(_EVERY.total_seconds(), wait.total_seconds() - waited))


def _chroma(instance: Instance) -> str:
    instance.heartbeat()
    return instance.version()


def _same_address(environment: Environment) -> str:
    urls = {
        "balancer": environment.balancer_url,
        "primary": environment.primary_url,
        "replica": environment.replica_url,
    }
    seen: dict[tuple[frozenset[str], int], str] = {}
    for name, url in urls.items():
        address = _address(url)
        if address in seen:
            return (
                f"The {seen[address]} and the {name} have the same address, {url}; "
                f"give each its own, under urls in {environment.file}."
            )
        seen[address] = name
    return ""


def _address(url: str) -> tuple[frozenset[str], int]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:
        return frozenset({host}), port
    # Hosted services behind one front door share its addresses: there only equal names are the same address.
    loopback = all(address == "::1" or address.startswith("127.") for address in addresses)
    return frozenset({"loopback"} if loopback else {host}), port


def _two_instances(primary: Instance, replica: Instance) -> None:
    """Make sure that two addresses are two servers: each gives its collections ids of its own."""
    try:
        on_primary = {info.id for info in primary.list_collections()}
        on_replica = {info.id for info in replica.list_collections()}
        if on_primary & on_replica:
            same = True
        elif on_primary or on_replica:
            same = False
        else:
            same = _shares_databases(primary, replica)
    except CouldNotObserve as error:
        raise PreflightFailed(
            f"It can't be seen whether primary and replica are two instances: {error.sentence}."
        ) from None
    if same:
        raise PreflightFailed(
            "The addresses of the primary and the replica lead to the same instance; each needs its own."
        )


def _shares_databases(primary: Instance, replica: Instance) -> bool:
    # Both are empty, so there is nothing to compare: an empty database is created on one, for a moment.
    name = f"signoff-preflight-{os.getpid()}-{time.time_ns()}"
    made = primary.wire.call("POST", _DATABASES, payload={"name": name})
    if made.status != 200:
        raise CouldNotObserve(f"the primary refused an empty database with {made.status}: {made.text}")
    try:
        return replica.wire.get(f"{_DATABASES}/{name}").status == 200
    finally:
        _delete_database(primary, name)


def _delete_database(instance: Instance, name: str) -> None:
    """Delete a database of our own, also if Chroma answers 500 at first, as it has done 11 ms after one was made."""
    try:
        poll(
            lambda: instance.wire.call("DELETE", f"{_DATABASES}/{name}").status,
            lambda status: status in (200, 404),
            within=_PATIENCE,
            patient=True,
            what=f"The empty database {name} is deleted from the {instance.name}",
            describe=lambda status: f"answered {status}",
        )
    except NotMet as error:
        raise CouldNotObserve(error.sentence) from None


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()
