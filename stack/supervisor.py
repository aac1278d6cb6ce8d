"""Keeps the services running: starts, watches, restarts, suspends, resumes and ends real processes.

One task per service (:class:`Keeper`) holds its process and nothing else touches it: requests only change
what is wanted and nudge the task, so they can't get in each other's way.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

import aiohttp
import asyncpg

from . import ports
from .errors import StartFailed
from .processes import (
    FOLDER_VARIABLE,
    SERVICE_VARIABLE,
    end_leftovers,
    is_frozen,
    spawn,
)
from .services import HttpHealth, PostgresHealth, Service
from .state import ServiceState

RESTART_SECONDS = 1.0
_POLL_SECONDS = 0.03
_PROBE_SECONDS = 2.0
_PORT_SECONDS = 5.0
_KEPT_EVENTS = 1_000

_log = logging.getLogger(__name__)


class State(Enum):
    """What a service is doing."""

    WAITING = "waiting"
    STARTING = "starting"
    LIVE = "live"
    STOPPING = "stopping"
    SUSPENDED = "suspended"
    FAILED = "failed"
    STOPPED = "stopped"


class DeployStatus(Enum):
    """How far a deploy is, in the Render API's words."""

    CREATED = "created"
    BUILD_IN_PROGRESS = "build_in_progress"
    UPDATE_IN_PROGRESS = "update_in_progress"
    LIVE = "live"
    DEACTIVATED = "deactivated"
    UPDATE_FAILED = "update_failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether a deploy with this status has come to its end."""
        return self not in (self.CREATED, self.BUILD_IN_PROGRESS, self.UPDATE_IN_PROGRESS)


def now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


@dataclass
class Deploy:
    """One attempt to bring a service up because somebody asked for it."""

    trigger: str
    status: DeployStatus = DeployStatus.CREATED
    id: str = field(default_factory=lambda: f"dep-{secrets.token_hex(10)}")
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened to a service."""

    type: str
    details: Mapping[str, str | int]
    id: str = field(default_factory=lambda: f"evt-{secrets.token_hex(10)}")
    at: datetime = field(default_factory=now)


class Keeper:
    """Keeps one service as it's wanted.

    Args:
        service: the service.
        folder: the stack's temporary folder.
        log_file: where the output of its processes is appended.
        http: for health probes.
        on_change: called whenever its process or state has changed.
        restart_seconds: how long it stays down after it died by itself.
    """

    def __init__(
        self,
        service: Service,
        folder: Path,
        log_file: Path,
        http: aiohttp.ClientSession,
        on_change: Callable[[], None],
        restart_seconds: float,
    ) -> None:
        self.service = service
        self.log_file = log_file
        self.suspended = False
        self.state = State.WAITING
        self.created_at = now()
        self.updated_at = self.created_at
        self.deploys: deque[Deploy] = deque(maxlen=_KEPT_EVENTS)
        self.events: deque[Event] = deque(maxlen=_KEPT_EVENTS)
        self.up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._folder = folder
        self._http = http
        self._on_change = on_change
        self._restart_seconds = restart_seconds
        self._nudge = asyncio.Event()
        self._closing = False
        self._news_when_live: str | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._last_seen = "it was not asked yet"

    @property
    def pid(self) -> int | None:
        """The pid of its process; ``None`` while there is none."""
        return self._process.pid if self._process is not None else None

    def open(self, needs: Sequence[asyncio.Future[None]]) -> None:
        """Start keeping it, as soon as what it needs is up."""
        self._begin_deploy("service_created")
        self._task = asyncio.create_task(self._keep(needs), name=self.service.name)

    def suspend(self) -> None:
        """Want it stopped; returns before it is."""
        if not self.suspended:
            self.suspended = True
            self._end_deploy(DeployStatus.CANCELED)
            self._tell("service_suspended", actor="api")
            self._nudge.set()

    def resume(self) -> None:
        """Want it running again, on the same data and port; returns before it is."""
        if self.suspended:
            self.suspended = False
            self._tell("service_resumed", actor="api")
            self._begin_deploy("service_resumed")
            self._nudge.set()

    def restart(self) -> None:
        """Want a new process; returns before there is one, the event ``server_restarted`` says when."""
        self._news_when_live = "server_restarted"
        self._nudge.set()

    async def close(self) -> None:
        """End its process and stop keeping it; returns when all of it is gone."""
        self._closing = True
        self._nudge.set()
        if self._task is not None:
            if self._process is None:
                self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if not self.up.cancel():
            self.up.exception()  # seen, so that asyncio does not complain about it
        await asyncio.to_thread(end_leftovers, self._folder, self.service.name)
        self._change(State.STOPPED)

    async def _keep(self, needs: Sequence[asyncio.Future[None]]) -> None:
        try:
            await self._until_all_up(needs)
            if self.service.prepare is not None:
                self._change(State.STARTING)
                await self.service.prepare()
        except (StartFailed, OSError) as error:
            self._fail(str(error))
            return
        while not self._closing:
            self._nudge.clear()
            if self.suspended:
                self._change(State.SUSPENDED)
                await self._nudge.wait()
                continue
            was_asked = await self._live_once()
            if self.up.done() and self.up.exception() is not None:
                return
            if was_asked:
                continue
            self._change(State.FAILED)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._restart_seconds):
                    await self._nudge.wait()

    @staticmethod
    async def _until_all_up(needs: Sequence[asyncio.Future[None]]) -> None:
        # Not gather: when this task is cancelled, that would cancel the futures, which are others'.
        if needs:
            done, _ = await asyncio.wait(needs, return_when=asyncio.FIRST_EXCEPTION)
            for outcome in done:
                outcome.result()

    async def _live_once(self) -> bool:
        """One life of the process, from start to end.

        Returns:
            True when it ended because somebody asked for it, False when it ended by itself or did not start.
        """
        self._change(State.STARTING)
        self._move_deploy(DeployStatus.BUILD_IN_PROGRESS)
        try:
            process = self._process = await self._spawn()
        except StartFailed as error:
            self._fail(str(error))
            return False
        self._change(State.STARTING)
        self._move_deploy(DeployStatus.UPDATE_IN_PROGRESS)
        died = asyncio.create_task(process.wait())
        asked = asyncio.create_task(self._nudge.wait())
        healthy = asyncio.create_task(self._until_healthy())
        try:
            seconds = self.service.start_seconds if not self.up.done() else None
            first = asyncio.FIRST_COMPLETED
            done, _ = await asyncio.wait((died, asked, healthy), timeout=seconds, return_when=first)
            if not done:
                self._fail(
                    f"{self.service.name} was not healthy within {seconds:g} s: {self._last_seen}. "
                    f"Its log is {self.log_file}."
                )
            elif healthy in done and not died.done():
                self._became_live()
                await asyncio.wait((died, asked), return_when=first)
            by_itself = died.done()
        finally:
            healthy.cancel()
            asked.cancel()
        if by_itself:
            self._report_death(died.result())
        self._change(State.STOPPING)
        await self._end(process)
        await died
        self._process = None
        return not by_itself

    async def _spawn(self) -> asyncio.subprocess.Process:
        service = self.service
        await self._until_port_is_free()
        environment = {
            **service.environment,
            FOLDER_VARIABLE: str(self._folder),
            SERVICE_VARIABLE: service.name,
        }
        with self.log_file.open("ab") as log:
            try:
                return await spawn(
                    service.command,
                    environment=environment,
                    working_folder=service.working_folder,
                    output=log,
                    user=service.user,
                )
            except (OSError, ValueError) as error:
                reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
                raise StartFailed(f"{service.name} could not be started: {service.command[0]!r}: {reason}.") from None

    async def _until_port_is_free(self) -> None:
        """Whoever answers on this port from now on is the process that is about to be started."""
        deadline = asyncio.get_running_loop().time() + _PORT_SECONDS
        while not ports.is_free(self.service.port):
            if asyncio.get_running_loop().time() > deadline:
                raise StartFailed(
                    f"{self.service.name} could not be started: port {self.service.port} is taken by another program."
                )
            await asyncio.sleep(_POLL_SECONDS)

    async def _until_healthy(self) -> None:
        # Another process sets no event of ours, so it has to be asked again and again.
        while not await self._probe():  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)

    async def _probe(self) -> bool:
        health = self.service.health
        try:
            if isinstance(health, HttpHealth):
                return await self._probe_http(self.service.url + health.path)
            return await self._probe_postgres(health)
        except (
            OSError,
            TimeoutError,
            aiohttp.ClientError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
        ) as error:
            self._last_seen = f"the last probe said {str(error) or type(error).__name__}"
            return False

    async def _probe_http(self, url: str) -> bool:
        timeout = aiohttp.ClientTimeout(total=_PROBE_SECONDS)
        async with self._http.get(url, timeout=timeout, headers={"Connection": "close"}) as response:
            self._last_seen = f"GET {url} answered {response.status}"
            return response.status == 200

    async def _probe_postgres(self, health: PostgresHealth) -> bool:
        connection = await asyncpg.connect(health.dsn, timeout=_PROBE_SECONDS)
        try:
            return bool(await connection.fetchval("SELECT true"))
        finally:
            await connection.close(timeout=_PROBE_SECONDS)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """End the process, with everything it started."""
        if process.returncode is None:
            frozen = is_frozen(process.pid)
            # A frozen process would keep the polite signal for later.
            self._signal(process, signal.SIGKILL if frozen else self.service.stop_signal)
            try:
                async with asyncio.timeout(self.service.grace_seconds):
                    await process.wait()
            except TimeoutError:
                _log.info("%s did not end within %g s: SIGKILL", self.service.name, self.service.grace_seconds)
                self._signal(process, signal.SIGKILL)
                await process.wait()
        if not await asyncio.to_thread(end_leftovers, self._folder, self.service.name):
            _log.error("%s left processes that SIGKILL did not end", self.service.name)

    @staticmethod
    def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    def _became_live(self) -> None:
        if self._news_when_live is not None:
            self._tell(self._news_when_live)
            self._news_when_live = None
        self._end_deploy(DeployStatus.LIVE)
        self._change(State.LIVE)
        if not self.up.done():
            self.up.set_result(None)

    def _report_death(self, code: int) -> None:
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        _log.warning("%s %s by itself", self.service.name, how)
        self._news_when_live = "server_available"
        self._tell("server_failed", reason=how, exitCode=code)
        self._end_deploy(DeployStatus.UPDATE_FAILED)
        if not self.up.done():
            self._fail(
                f"{self.service.name} {how} before it was healthy: {self._last_line()}. Its log is {self.log_file}."
            )

    def _last_line(self) -> str:
        text = self.log_file.read_bytes()[-4_000:].decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1].rstrip(".") if lines else "it wrote no log"

    def _fail(self, sentence: str) -> None:
        """It can't be started: the end of a stack that is being started, only a note later."""
        _log.error("%s", sentence)
        self._end_deploy(DeployStatus.UPDATE_FAILED)
        self._change(State.FAILED)
        if not self.up.done():
            self.up.set_exception(StartFailed(sentence))

    def _begin_deploy(self, trigger: str) -> None:
        deploy = Deploy(trigger)
        self.deploys.append(deploy)
        self._tell("deploy_started", deployId=deploy.id, trigger=trigger)

    def _move_deploy(self, status: DeployStatus) -> None:
        if self.deploys and not self.deploys[-1].status.is_final:
            self.deploys[-1].status = status
            self.deploys[-1].updated_at = now()

    def _end_deploy(self, status: DeployStatus) -> None:
        if not self.deploys or self.deploys[-1].status.is_final:
            return
        deploy = self.deploys[-1]
        if status is DeployStatus.LIVE:
            for earlier in self.deploys:
                if earlier.status is DeployStatus.LIVE:
                    earlier.status, earlier.updated_at = DeployStatus.DEACTIVATED, now()
        deploy.status = status
        deploy.updated_at = deploy.finished_at = now()
        self._tell("deploy_ended", deployId=deploy.id, status=status.value)

    def _tell(self, kind: str, **details: str | int) -> None:
        self.events.append(Event(kind, details))
        self.updated_at = now()
        _log.info("%s: %s %s", self.service.name, kind, details or "")

    def _change(self, state: State) -> None:
        self.state = state
        self._on_change()


class Supervisor:
    """All services of a stack.

    Args:
        services: the services, in the order of their start.
        folder: the stack's temporary folder.
        logs: the log folder; one file per service is appended to.
        on_change: called whenever a process or a state has changed.
        restart_seconds: how long a service stays down after it died by itself.
    """

    def __init__(
        self,
        services: Sequence[Service],
        folder: Path,
        logs: Path,
        on_change: Callable[[], None] = lambda: None,
        restart_seconds: float = RESTART_SECONDS,
    ) -> None:
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        self.keepers = [
            Keeper(service, folder, logs / f"{service.name}.log", self._http, on_change, restart_seconds)
            for service in services
        ]

    def states(self) -> list[ServiceState]:
        """What each service is doing."""
        return [
            ServiceState(keeper.service.name, keeper.service.port, keeper.pid, keeper.state.value)
            for keeper in self.keepers
        ]

    async def start(self) -> None:
        """Start everything and wait until it's healthy.

        Raises:
            StartFailed: one service did not come up; the others may be running, so call :meth:`stop`.
        """
        up = {keeper.service.name: keeper.up for keeper in self.keepers}
        for keeper in self.keepers:
            keeper.open([up[name] for name in keeper.service.needs])
        done, _ = await asyncio.wait(up.values(), return_when=asyncio.FIRST_EXCEPTION)
        for outcome in done:
            outcome.result()

    async def stop(self) -> None:
        """End everything, each service before those it needs."""
        left = list(self.keepers)
        while left:
            needed = {name for keeper in left for name in keeper.service.needs}
            free = [keeper for keeper in left if keeper.service.name not in needed]
            await asyncio.gather(*(keeper.close() for keeper in free))
            left = [keeper for keeper in left if keeper not in free]
        await self._http.close()
