"""The monitor at work: it measures, it watches the instances, and neither waits for the other or for Slack."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

import aiohttp
from aiohttp import web

from . import messages
from .advice import Given, Measured, Plan, Recommendation, Subject, is_due, measured, recommendations, subject
from .deployment import UNANSWERED, Deployment
from .memory import Memory, Remembered
from .outbox import Fate, Message, Outbox, Try, Webhook
from .sampling import Sampler
from .settings import Settings
from .store import UNUSABLE, Store
from .transitions import InstanceStates

_HOST = "127.0.0.1"
_log = logging.getLogger(__name__)


class Monitor:
    """One monitor.

    Args:
        settings: what it was started with.
        http: for its requests.
    """

    def __init__(self, settings: Settings, http: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._plan = Plan(
            memory_mb=settings.max_memory_mb,
            cpu_cores=settings.max_cpu_cores,
            disk_mb=settings.max_disk_mb,
            memory_threshold_percent=settings.memory_threshold_percent,
            cpu_threshold_percent=settings.cpu_threshold_percent,
            backlog_threshold=settings.backlog_threshold,
            backlog_high_threshold=settings.backlog_high_threshold,
        )
        self._cooldown = timedelta(seconds=settings.alert_cooldown)
        self._sampler = Sampler(settings.stack_state)
        self._store = Store(settings.database_url)
        self._deployment = Deployment(http, settings.balancer_url)
        url = settings.slack_webhook_url
        self._memory = Memory(settings.outbox_file)
        known = self._memory.recall()
        post = Webhook(http, url, settings.webhook_timeout).post if url else _nobody
        self._outbox = Outbox(post, changed=self._remember, waiting=known.waiting)
        self._states = InstanceStates(known.unhealthy_since)
        self._given: dict[Subject, Given] | None = None
        # Who remembers none has told all that there is: a recommendation is not repeated for a file that is lost.
        self._recommended = known.recommended or datetime.now(UTC)
        self._remember()
        self._last_row: datetime | None = None
        self._away: set[str] = set()

    async def run(self) -> None:
        """Work for ever.

        Raises:
            OSError: the port can't be listened on.
        """
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, _HOST, self._settings.port).start()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._measure())
                tasks.create_task(self._watch())
                tasks.create_task(self._outbox.run())
        finally:
            await runner.cleanup()
            await self._store.close()

    def _application(self) -> web.Application:
        async def health(request: web.Request) -> web.Response:
            last = self._last_row.isoformat() if self._last_row else None
            return web.json_response({"status": "healthy", "last_measurement": last})

        application = web.Application()
        application.add_routes([web.get("/health", health)])
        return application

    async def _measure(self) -> None:
        due = time.monotonic()
        while True:
            await self.measure_once()
            # From turn to turn, not from end to start, so that rows come as often as promised.
            due = max(due + self._settings.resource_check_interval, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def measure_once(self) -> None:
        """Measure, write it down, and recommend what is due."""
        uses = await asyncio.to_thread(self._sampler.sample)
        if not uses:
            _log.warning("the stack's state file names no running service")
            return
        seen = measured(uses, self._plan, await self._pending_writes())
        failed: Exception | None = None
        try:
            await self._store.write_metrics(seen)
            self._last_row = datetime.now(UTC)
        except UNUSABLE as error:
            failed = error
        try:
            # Also without its row: what is seen is worth a recommendation all the same.
            await self._recommend(seen)
        except UNUSABLE as error:
            failed = failed or error
        self._note("PostgreSQL", failed)

    async def _pending_writes(self) -> int | None:
        try:
            return await self._deployment.pending_writes()
        except UNANSWERED:
            return None

    async def _recommend(self, seen: Measured) -> None:
        now = datetime.now(UTC)
        if self._given is None:
            self._given = await self._known(now)
        for one in recommendations(seen, self._plan):
            if is_due(one, self._given, now, self._cooldown):
                await self._give(one)

    async def _known(self, now: datetime) -> dict[Subject, Given]:
        """Return what an earlier process of the monitor has recommended: it is not repeated.

        What that process wrote and did not come to tell is told now.
        """
        known: dict[Subject, Given] = {}
        for one, at in await self._store.given(min(now - self._cooldown, self._recommended)):
            known[subject(one)] = Given(one.urgency, at)
            if at > self._recommended:
                self._tell(one, at)
        return known

    async def _give(self, wanted: Recommendation) -> None:
        # No two are written at the same time: that of the newest one says which are told.
        at = max(datetime.now(UTC), self._recommended + timedelta(microseconds=1))
        await self._store.write_recommendation(wanted, at)
        assert self._given is not None
        self._given[subject(wanted)] = Given(wanted.urgency, at)
        self._tell(wanted, at)

    def _tell(self, wanted: Recommendation, written: datetime) -> None:
        self._recommended = written
        self._outbox.add(messages.recommendation(wanted))

    def _note(self, who: str, error: Exception | None) -> None:
        """Log once that somebody is away, and once that they are back."""
        if error is not None and who not in self._away:
            self._away.add(who)
            # Only its kind: a driver's words may repeat the DSN.
            _log.warning("%s can't be used: %s", who, type(error).__name__)
        elif error is None and who in self._away:
            self._away.remove(who)
            _log.info("%s can be used again", who)

    async def _watch(self) -> None:
        while True:
            await self.look_once()
            await asyncio.sleep(self._settings.status_interval)

    async def look_once(self) -> None:
        """Look at the instances, and tell Slack what has changed."""
        try:
            healthy = await self._deployment.healthy()
        except UNANSWERED as error:
            self._note("the balancer", error)
            return
        self._note("the balancer", None)
        if changes := self._states.note(healthy, datetime.now(UTC)):
            for change in changes:
                _log.info("%s is %s", change.instance, "healthy again" if change.healthy else "unhealthy")
            # All at once, so that whoever remembers one of them remembers them all.
            self._outbox.add(*map(messages.transition, changes))

    def _remember(self) -> None:
        self._memory.keep(Remembered(self._states.unhealthy_since, self._outbox.waiting, self._recommended))


async def _nobody(message: Message) -> Try:
    """Without a webhook, messages are for the log only."""
    _log.info("no SLACK_WEBHOOK_URL is set, so this is told to nobody: %s", message["text"])
    return Try(Fate.TAKEN)
