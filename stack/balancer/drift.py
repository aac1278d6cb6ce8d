"""Drift: an instance holds something else than the log says, though it owes nothing. Noticed, and mended by the log.

Collections are read from both instances, page by page, in a small part of the time. What differs is looked at again
while no write of the collection is under way, beside what the log says of it. Where the log and one instance agree, the
other one is given what that one holds, by rows of its own: so it is in the log who changed what, and clients' rows keep
their places before and behind. Where they don't, nothing is touched: it can't be told what is right.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from .catalog import Catalog, Collection
from .copies import STEP_SECONDS, Copies, left
from .expected import Expected, documents_of
from .http_client import Unreachable
from .instance import Instance
from .journal import Journal, NotLogged
from .operations import read_operation
from .replication import Replication

log = logging.getLogger(__name__)

PAGE = 200
READ_TIMEOUT = 30.0
# Between two pages so many times as long as it took to read one: clients have the rest of the time for themselves. What
# differs is rare, and waits for nothing.
REST = 9
# Bodies may be large.
ROWS_AT_ONCE = 100
SHOWN = 10


class Drift:
    """Compares the instances for ever.

    Args:
        instances: the Chroma servers.
        interval: seconds from the end of one comparison of everything to the beginning of the next.
    """

    def __init__(
        self,
        instances: Sequence[Instance],
        catalog: Catalog,
        journal: Journal,
        replication: Replication,
        copies: Copies,
        interval: float,
    ) -> None:
        self._instances = instances
        self._catalog = catalog
        self._journal = journal
        self._replication = replication
        self._copies = copies
        self._interval = interval
        self.mended = 0
        """Documents that an instance was given anew, or had to delete, since the balancer was started."""
        self.undecided = 0
        """Documents that differed at the latest comparison, of which nobody can tell what is right."""

    async def run(self) -> None:
        """Compare, again and again."""
        while True:
            await asyncio.sleep(self._interval)
            undecided = 0
            for collection in list(self._catalog):
                try:
                    undecided += await self._compare(collection)
                except (Unreachable, NotLogged) as error:
                    log.info("%s was not compared to its end: %s", collection.name, error)
                except Exception:
                    # A defect of this program must not end the comparing.
                    log.exception("comparing %s", collection.name)
            self.undecided = undecided

    def _comparable(self, collection: Collection) -> bool:
        return not collection.deleted and all(one.healthy and one.name in collection.ids for one in self._instances)

    async def _compare(self, collection: Collection) -> int:
        """Return of how many documents it can't be told what is right."""
        if not self._comparable(collection):
            return 0
        first, second = [set(await self._copies.ids(one, collection, READ_TIMEOUT)) for one in self._instances]
        undecided = 0
        ids = sorted(first | second)
        for page in (ids[start : start + PAGE] for start in range(0, len(ids), PAGE)):
            begun = asyncio.get_running_loop().time()
            equal = await self._equal(collection, page)
            took = asyncio.get_running_loop().time() - begun
            if not equal:
                undecided += await self._settle(collection, page)
            await asyncio.sleep(REST * took)
        return undecided

    async def _equal(self, collection: Collection, ids: Sequence[str]) -> bool:
        one, other = [
            documents_of(await self._copies.documents(instance, collection, ids, READ_TIMEOUT))
            for instance in self._instances
        ]
        return one == other

    async def _settle(self, collection: Collection, ids: Sequence[str]) -> int:
        """Look again at documents that seem to differ, and mend those that do. Return how many can't be."""
        expected = Expected(ids)
        # Most of the log, while writes go on; those that come meanwhile are few.
        await self._follow(collection, expected)
        lane = self._replication.lane(collection.lane)
        lane.users += 1
        try:
            async with lane.lock:
                deadline = asyncio.get_running_loop().time() + STEP_SECONDS
                for instance in self._instances:
                    await self._replication.until_applied(lane, instance, deadline)
                await self._journal.lane_written(lane.key)
                # Of what an instance refuses the log tells already.
                in_line = all(self._replication.in_line(one.name, lane.key) for one in self._instances)
                if not (in_line and self._comparable(collection) and await self._follow(collection, expected)):
                    return 0
                return await self._mend(collection, expected, ids, deadline)
        finally:
            lane.users -= 1
            self._replication.forget_if_idle(lane)

    async def _follow(self, collection: Collection, expected: Expected) -> bool:
        """Have the log followed to its end, or to a row of which the log doesn't tell yet. Return whether it is all."""
        while rows := await self._journal.document_rows(UUID(collection.id), expected.seq, ROWS_AT_ONCE):
            for row in rows:
                operation = read_operation(row["method"], row["path"])
                if row["status"] == "pending" or operation is None:
                    return False
                expected.follow(row["seq"], operation.action, (row["data"] or "").encode())
        return True

    async def _mend(self, collection: Collection, expected: Expected, ids: Sequence[str], deadline: float) -> int:
        pages = [await self._copies.documents(one, collection, ids, left(deadline)) for one in self._instances]
        held = [documents_of(page) for page in pages]
        differing = [id for id in ids if held[0].get(id) != held[1].get(id)]
        right = [
            {id for id in differing if expected.tells(id) and documents.get(id) == expected.document(id)}
            for documents in held
        ]
        for source, target in ((0, 1), (1, 0)):
            if wrong := sorted(right[source]):
                instances = self._instances[source], self._instances[target]
                log.error("%s has drifted in %s: %s", instances[1].name, collection.name, _shown(wrong))
                await self._copies.delete(collection, wrong, *instances)
                if there := [id for id in wrong if id in held[source]]:
                    await self._copies.add(collection, _only(pages[source], there), *instances)
                self.mended += len(wrong)
        undecided = [id for id in differing if id not in right[0] | right[1]]
        if undecided:
            log.error("the instances differ in %s, and the log does not tell: %s", collection.name, _shown(undecided))
        return len(undecided)


def _only(page: Mapping[str, Any], ids: Sequence[str]) -> dict[str, Any]:
    """Return the part of an answer to "get" that is about some documents."""
    places = [page["ids"].index(id) for id in ids]
    columns = {
        name: column for name, column in page.items() if isinstance(column, list) and len(column) == len(page["ids"])
    }
    return dict.fromkeys(page) | {name: [column[place] for place in places] for name, column in columns.items()}


def _shown(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(map(repr, ids[:SHOWN])) + more
