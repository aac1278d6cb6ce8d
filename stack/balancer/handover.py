"""Rows that an instance owes, handed over to the sync workers: who has them, and what became of them.

The balancer hands over a whole run of rows at the head of an instance's queue, and applies nothing behind it before
every row of it is accounted for. So the order of the log holds, whoever applies it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from .catalog import Collection
from .entries import Entry
from .journal import Journal

log = logging.getLogger(__name__)

LOOK_INTERVAL = 0.05
WATCH_INTERVAL = 0.5
# A coordinator or a worker that is being replaced is waited for, so long.
PATIENCE = 2.0
# Of each run; its rows are finished in their order, so the first ones tell.
MOST_AT_ONCE = 500


class Handover:
    """What the sync workers have in hand.

    Args:
        journal: where they find it, and say what became of it.
        wanted: whether rows are to be handed over. If not, those that an earlier balancer handed over are taken back.
    """

    def __init__(self, journal: Journal, *, wanted: bool) -> None:
        self._journal = journal
        self._wanted = wanted
        self._waiting: dict[asyncio.Event, Sequence[Entry]] = {}
        self._finished: dict[int, str | None] = {}
        self._at_work_at = float("-inf")

    @property
    def at_work(self) -> bool:
        """Whether there is somebody to hand rows over to."""
        return asyncio.get_running_loop().time() - self._at_work_at < PATIENCE

    async def look_for_workers(self) -> None:
        """See whether anybody is at work. Without a first look nobody seems to be, and what they have is taken back."""
        if self._wanted and await self._journal.sync_at_work():
            self._at_work_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Watch for ever what becomes of the rows, and whether anybody is at work."""
        loop = asyncio.get_running_loop()
        watched = float("-inf")
        while True:
            try:
                if loop.time() - watched >= WATCH_INTERVAL:
                    watched = loop.time()
                    await self.look_for_workers()
                if self._waiting:
                    await self._look()
            except Exception:
                # A defect here must not leave the rows waiting for ever: they are looked at again.
                log.exception("looking after the sync workers")
            await asyncio.sleep(LOOK_INTERVAL)

    async def _look(self) -> None:
        asked = {entry.seq: event for event, run in self._waiting.items() for entry in run[:MOST_AT_ONCE]}
        for row in await self._journal.finished_by_sync(list(asked)):
            event = asked[row["seq"]]
            if event in self._waiting:
                self._finished[row["seq"]] = _refusal(row)
                event.set()

    async def finished(self, entries: Sequence[Entry]) -> list[tuple[Entry, str | None]]:
        """Wait until some of the rows are done, or something else may have changed. Return these, in order.

        Returns:
            Each row with the reason why its target refuses it, or None if it is applied.
        """
        event = asyncio.Event()
        self._waiting[event] = entries
        try:
            async with asyncio.timeout(WATCH_INTERVAL):
                await event.wait()
        except TimeoutError:
            pass  # The caller looks whether it still makes sense to wait.
        finally:
            del self._waiting[event]
        return [(entry, self._finished.pop(entry.seq)) for entry in entries if entry.seq in self._finished]

    async def take_back(
        self, collection: Collection, entries: Sequence[Entry], target: str, *, at_once: bool
    ) -> list[tuple[Entry, str | None]] | None:
        """Take all rows of a collection back.

        Args:
            entries: those of which it matters whether they are finished.
            at_once: a worker that still sends one of them can do no harm, since its collection is gone.

        Returns:
            Those that were finished before, as :meth:`finished` does; None while a worker may be at them.
        """
        # A mark on its way that hands them over would do so after they were taken back.
        await self._journal.written(entries)
        seqs = [entry.seq for entry in entries]
        rows = await self._journal.take_back(UUID(collection.id), target, seqs, at_once=at_once)
        if rows is None:
            return None
        finished = {row["seq"]: _refusal(row) for row in rows}
        log.warning("the rows of %s for %s are taken back from the sync workers", collection.name, target)
        return [(entry, finished[entry.seq]) for entry in entries if entry.seq in finished]


def _refusal(row: Mapping[str, Any]) -> str | None:
    """Return why a target refuses a row that is finished; None if it is applied."""
    return (row["error_message"] or "refused") if row["status"] == "failed" else None
