"""Every instance applies the log, in order. This is where writes happen, first-time and owed ones alike.

Each collection name is a lane. A lane holds, for each instance, the rows that this instance has not applied yet.
A new request is a row at the end of the lane on all instances; the first instance to apply it decides its outcome
and answers the client. So a failover of writes needs no detection, and a replay no code of its own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, takewhile
from urllib.parse import quote

import orjson

from .batching import merge
from .catalog import Catalog, Collection
from .entries import Entry, Reply, State
from .handover import Handover
from .http_client import Answer, Unreachable
from .instance import Instance
from .journal import Journal, NotLogged
from .operations import CATALOG_WRITES, DOCUMENT_WRITES, NAMESPACE_WRITES, Action
from .resources import Resources

log = logging.getLogger(__name__)

# An instance that is slow or frozen is waited for: giving a request up and sending it again later would let the
# first one arrive after its successors. Others answer the client meanwhile.
APPLY_TIMEOUT = 120.0
RETRY_FIRST = 0.05
LOOK_INTERVAL = 0.005
# How long the preferred instance may take over a new row before the others try it too.
HEDGE = 0.1
# What one instance has executed, the others apply this much later, so that neighbouring rows go together. It costs
# lag and spares work: one request for several rows is as dear to Chroma as one request for one row.
GATHER = 0.03
# A row on which every healthy instance fails this often would block its collection for ever.
POISON_ATTEMPTS = 5
PARALLEL_APPLIES = 16
# What an instance owes for longer than this is a backlog, and no longer merely on its way; as is what came while it was
# away.
BACKLOG_AGE = 1.0
# A smaller one is worked off here, where all collections are worked on at the same time.
BACKLOG_ROWS, BACKLOG_BYTES = 1000, 128 * 1024
# A larger one is handed over in parts.
MOST_HANDED_OVER = 10_000
_JSON = {"content-type": "application/json"}


class Lane:
    """The rows of one ordering key that some instance has not applied yet."""

    def __init__(self, key: str, instances: Iterable[str]) -> None:
        self.key = key
        self.lock = asyncio.Lock()
        self.users = 0
        self.queues: dict[str, deque[Entry]] = {name: deque() for name in instances}
        self.appliers: dict[str, asyncio.Task[None]] = {}
        self.owed: dict[str, set[Entry]] = {name: set() for name in self.queues}
        """Per instance: rows that another instance has executed and this one has not."""

    @property
    def idle(self) -> bool:
        # Owed rows that an instance refused have left its queue, and still keep it out of line.
        return not self.users and not any(self.queues.values()) and not any(self.owed.values())


class Replication:
    """All lanes, and the appliers that work on them.

    Args:
        instances: the Chroma servers, in order of preference.
        resources: says how many documents and bytes may go into one request now.
        changed: called whenever an instance may have come in line.
        handover: to whom a backlog is handed over.
        interval: seconds after which a row that an instance has failed on is tried again, at the latest. Rows that
            nothing is wrong with never wait for it.
    """

    def __init__(
        self,
        instances: Sequence[Instance],
        catalog: Catalog,
        journal: Journal,
        resources: Resources,
        changed: Callable[[], None],
        handover: Handover,
        interval: float,
    ) -> None:
        self._instances = {instance.name: instance for instance in instances}
        self._catalog = catalog
        self._journal = journal
        self._resources = resources
        self._changed = changed
        self._handover = handover
        self._interval = interval
        self._lanes: dict[str, Lane] = {}
        self._slots = {name: asyncio.Semaphore(PARALLEL_APPLIES) for name in self._instances}
        self._waiting: set[Entry] = set()
        self._catalog_owed: dict[str, set[Entry]] = {name: set() for name in self._instances}

    def lane(self, key: str) -> Lane:
        """Return the lane of an ordering key, new if it has no rows."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key, self._instances)
        return lane

    def forget_if_idle(self, lane: Lane) -> None:
        if lane.idle and self._lanes.get(lane.key) is lane:
            del self._lanes[lane.key]

    def has_backlog(self, key: str) -> bool:
        """Whether some instance still has rows of an ordering key to apply."""
        lane = self._lanes.get(key)
        return lane is not None and any(lane.queues.values())

    def in_line(self, instance: str, key: str) -> bool:
        """Whether an instance has applied everything of an ordering key that any instance has executed."""
        lane = self._lanes.get(key)
        return lane is None or not lane.owed[instance]

    def catalog_in_line(self, instance: str) -> bool:
        """Whether an instance has applied every executed creation, deletion and modification of a collection."""
        return not self._catalog_owed[instance]

    def pending(self, instance: str) -> int:
        """Return how many logged rows an instance has not applied yet."""
        return sum(len(lane.queues[instance]) for lane in self._lanes.values())

    def owed_entries(self) -> list[Entry]:
        """Return every row that some instance has not applied yet."""
        rows = {e.id: e for lane in self._lanes.values() for queue in lane.queues.values() for e in queue}
        return list(rows.values())

    async def until_applied(self, lane: Lane, instance: Instance, deadline: float) -> None:
        """Wait until an instance has applied every row of a lane; its caller sees to it that no more come.

        Args:
            deadline: how long it may take, on the event loop's clock.

        Raises:
            Unreachable: the instance went away, or takes too long.
        """
        while lane.queues[instance.name]:
            if not instance.healthy or asyncio.get_running_loop().time() > deadline:
                raise Unreachable(f"{instance.name} went away, or takes too long")
            await asyncio.sleep(LOOK_INTERVAL)

    async def take_back(self, lane: Lane, collection: Collection, instance: Instance) -> None:
        """Take whatever of a collection is with the sync workers back, even from one that is at it.

        Raises:
            NotLogged: PostgreSQL is away, so nothing was taken back.
        """
        handed = [e for e in lane.queues[instance.name] if e.handed_to and e.collection is collection]
        finished = await self._handover.take_back(collection, handed, instance.name, at_once=True)
        if finished is None:
            raise NotLogged(certain=True)
        self._finished_by_sync(lane, instance, finished)
        for entry in handed:
            entry.handed_to = None
            self._journal.changed(entry)

    def withdraw(self, lane: Lane, entries: Iterable[Entry], instance: Instance) -> None:
        """Take rows that only an instance was to apply, and has not, out of its queue."""
        for entry in entries:
            entry.handed_to = None
            entry.failed_on.clear()
            if entry in lane.queues[instance.name]:
                lane.queues[instance.name].remove(entry)
            self._end(lane, entry, State.REJECTED, "what it is part of was begun again")
            self._journal.changed(entry)

    def enqueue(self, entry: Entry, *, uncertain: bool = False, first: bool = False) -> None:
        """Take a logged row: append it to its lane on every instance that has not applied it.

        Args:
            uncertain: an instance may have executed it, so all are out of line until that is settled.
            first: it comes before everything that is still to be applied.
        """
        lane = self.lane(entry.lane)
        for name, instance in self._instances.items():
            if name in entry.applied:
                continue
            if entry.state is State.EXECUTED or uncertain:
                self._owe(lane, entry, name)
            if name in entry.failed_on:
                continue
            if first:
                lane.queues[name].appendleft(entry)
            else:
                lane.queues[name].append(entry)
            if name not in lane.appliers:
                lane.appliers[name] = asyncio.create_task(self._apply_lane(lane, instance))

    def _owe(self, lane: Lane, entry: Entry, name: str) -> None:
        lane.owed[name].add(entry)
        if entry.operation.action in CATALOG_WRITES | NAMESPACE_WRITES:
            self._catalog_owed[name].add(entry)

    def _no_longer_owe(self, lane: Lane, entry: Entry, name: str) -> None:
        lane.owed[name].discard(entry)
        self._catalog_owed[name].discard(entry)

    async def _apply_lane(self, lane: Lane, instance: Instance) -> None:
        queue = lane.queues[instance.name]
        pause = RETRY_FIRST
        refused: Entry | None = None
        try:
            while queue:
                if self._skip(lane, instance, queue):
                    continue
                if not instance.healthy:
                    await instance.up.wait()
                    pause, refused = RETRY_FIRST, None
                # A row that the instance refuses while it is well keeps its rhythm here.
                run = self._run_to_hand_over(instance, queue) if queue[0] is not refused else []
                if run:
                    await self._hand_over(lane, instance, queue, run)
                    continue
                await self._turn(lane, instance, queue[0])
                await self._journal.may_apply(queue[0])
                if self._skip(lane, instance, queue):
                    continue
                async with self._slots[instance.name]:
                    try:
                        worked = await self._apply_next(lane, instance, queue)
                    except Exception:
                        # A defect of this program must not end the lane: the row stays owed and is tried again.
                        log.exception("applying a row of %s to %s", lane.key, instance.name)
                        worked = False
                if worked:
                    pause = RETRY_FIRST
                elif queue:
                    refused = queue[0]
                    await asyncio.sleep(min(pause, self._interval))
                    pause *= 2
        finally:
            del lane.appliers[instance.name]
            self.forget_if_idle(lane)

    def _run_to_hand_over(self, instance: Instance, queue: deque[Entry]) -> list[Entry]:
        """Return the rows at the head of a queue that are the sync workers' business: a backlog of documents."""
        first = queue[0]
        if not (first.handed_to or self._is_backlog(first, instance)):
            return []
        if first.collection is None or instance.name not in first.collection.ids:
            return []
        if not first.handed_to and not self._handover.at_work:
            return []
        run = list(
            takewhile(
                lambda e: (
                    e.state is State.EXECUTED
                    and e.operation.action in DOCUMENT_WRITES
                    and e.collection is first.collection
                ),
                islice(queue, MOST_HANDED_OVER),
            )
        )
        worth_it = len(run) >= BACKLOG_ROWS or sum(len(entry.data) for entry in run) >= BACKLOG_BYTES
        return run if first.handed_to or worth_it else []

    @staticmethod
    def _is_backlog(entry: Entry, instance: Instance) -> bool:
        since = max(instance.risen_at, time.monotonic() - BACKLOG_AGE)
        return entry.state is State.EXECUTED and entry.settled_at <= since

    async def _hand_over(self, lane: Lane, instance: Instance, queue: deque[Entry], run: list[Entry]) -> None:
        """Have rows applied by the sync workers, until all are, or are taken back, or their collection is deleted."""
        collection = run[0].collection
        assert collection is not None
        for entry in run:
            entry.handed_to = instance.name
            self._journal.changed(entry)
        while run and not collection.deleted and run[0].handed_to:
            # An instance that has lost the collection gets it anew, by rows that have to go first.
            lost = instance.name not in collection.ids
            finished: Sequence[tuple[Entry, str | None]] | None = None
            try:
                if lost or not self._handover.at_work:
                    finished = await self._handover.take_back(collection, run, instance.name, at_once=lost)
                taken_back = finished is not None
                if finished is None:
                    finished = await self._handover.finished(run)
            except Exception:
                # A defect of this program must not end the lane.
                log.exception("looking after rows of %s that were handed over", lane.key)
                await asyncio.sleep(RETRY_FIRST)
                continue
            self._finished_by_sync(lane, instance, finished)
            run = [entry for entry in run if entry.handed_to]
            if taken_back:
                break
        for entry in run:
            # Taken back, and still to do; or their collection is deleted, and it makes no difference any more.
            entry.handed_to = None
            self._journal.changed(entry)

    def _finished_by_sync(self, lane: Lane, instance: Instance, finished: Iterable[tuple[Entry, str | None]]) -> None:
        for entry, refusal in finished:
            if not entry.handed_to:
                # It was taken back, or withdrawn, while this was found out.
                continue
            lane.queues[instance.name].remove(entry)
            entry.handed_to = None
            if refusal is None:
                self._applied_here(lane, entry, instance)
            else:
                self._refused_here(entry, instance, refusal)

    async def _turn(self, lane: Lane, instance: Instance, entry: Entry) -> None:
        """Wait until it is this instance's turn to apply a row.

        The first instance that is trusted and in line goes at once. The others follow when it has executed the
        row, has come under suspicion, or takes too long.
        """
        if not entry.settled:
            first = next(
                (i for i in self._instances.values() if i.trusted and self.in_line(i.name, lane.key)), instance
            )
            if first is instance:
                return
            self._waiting.add(entry)
            try:
                await asyncio.wait_for(entry.moved.wait(), HEDGE)
            except TimeoutError:
                return
            finally:
                self._waiting.discard(entry)
        if (wait := entry.settled_at + GATHER - time.monotonic()) > 0 and entry.settled:
            await asyncio.sleep(wait)

    def health_changed(self) -> None:
        """Let rows that wait for an instance look again whom they wait for."""
        for entry in self._waiting:
            entry.moved.set()

    def _skip(self, lane: Lane, instance: Instance, queue: deque[Entry]) -> bool:
        """Drop the first row if nothing of it has to be done here any more."""
        entry = queue[0]
        if entry.state in (State.REJECTED, State.ABANDONED):
            queue.popleft()
            return True
        superseded = entry.collection is not None and entry.collection.deleted
        if not superseded or entry.operation.action not in DOCUMENT_WRITES | {Action.CREATE_COLLECTION}:
            return False
        queue.popleft()
        if entry.state is State.EXECUTED:
            self._applied_here(lane, entry, instance)
        elif entry.is_unknown:
            self._carried_out_before_deletion(lane, entry, instance)
        else:
            assert entry.collection is not None
            reason = "its collection was deleted before it was applied"
            self._reject(lane, entry, _not_found(entry.collection.id), reason)
        return True

    def _carried_out_before_deletion(self, lane: Lane, entry: Entry, instance: Instance) -> None:
        """Settle a row whose balancer died before it wrote down what became of it, and whose collection is deleted.

        It may have been acknowledged, so it must not be called given up; and whether it was carried out before the
        deletion or not makes no difference to anybody.
        """
        entry.state, entry.executed_on = State.EXECUTED, instance.name
        entry.applied.update(self._instances)
        for name in self._instances:
            self._no_longer_owe(lane, entry, name)
        entry.moved.set()
        self._journal.changed(entry)
        self._changed()

    async def _apply_next(self, lane: Lane, instance: Instance, queue: deque[Entry]) -> bool:
        """Apply the next row, or the next few as one request. Return False if that has to be tried again."""
        entries = self._next_batch(instance, queue)
        count, body = merge(
            [(e.operation.action, e.data) for e in entries],
            self._resources.batch_size,
            answered=entries[0].settled,
            most_bytes=self._resources.batch_bytes,
        )
        entries = entries[:count]
        for entry in entries:
            entry.attempts[instance.name] = entry.attempts.get(instance.name, 0) + 1
        try:
            answer = await self._send(entries[0], instance, body)
        except Unreachable as error:
            self._failed(entries, instance, str(error), broken=True)
            return False
        if len(entries) > 1 and 400 <= answer.status < 500:
            # One of them is at fault; which one shows when the first goes alone.
            entries = entries[:1]
            try:
                answer = await self._send(entries[0], instance, entries[0].data)
            except Unreachable as error:
                self._failed(entries, instance, str(error), broken=True)
                return False
        return self._judge(lane, entries, instance, answer, queue)

    def _next_batch(self, instance: Instance, queue: deque[Entry]) -> list[Entry]:
        first = queue[0]
        if first.operation.action not in DOCUMENT_WRITES or first.attempts.get(instance.name, 0) > 1:
            return [first]
        batch: list[Entry] = []
        for entry in queue:
            if len(batch) >= self._resources.batch_size or entry.collection is not first.collection:
                break
            if entry.operation.action is not first.operation.action or entry.state is not first.state:
                break
            batch.append(entry)
        return batch

    def _judge(self, lane: Lane, entries: list[Entry], instance: Instance, answer: Answer, queue: deque[Entry]) -> bool:
        entry = entries[0]
        if answer.is_failure:
            self._failed(entries, instance, f"{instance.name} answered {answer.status}: {_words(answer)}", broken=True)
            return self._give_up_poison(lane, entry, queue)
        instance.succeeded()
        if answer.status < 400:
            instance.last_write_succeeded = time.monotonic()
            for done in entries:
                queue.remove(done)
                self._executed(lane, done, instance, answer)
            return True
        inside = entry.operation.action in DOCUMENT_WRITES | {Action.MODIFY_COLLECTION}
        deleted = entry.collection is not None and entry.collection.deleted
        if answer.status == 404 and inside and entry.state is not State.EXECUTED and not deleted:
            # The mapping says the collection is there; the instance has lost it. That is not the client's doing.
            self._failed(entries, instance, f"{instance.name} has lost the collection", broken=False)
            return False
        queue.remove(entry)
        if entry.state is State.EXECUTED:
            if deleted and answer.status == 404:
                self._applied_here(lane, entry, instance)
            else:
                self._diverged(entry, instance, answer)
        else:
            self._reject(lane, entry, Reply(answer.status, answer.body, answer.headers), _words(answer))
        return True

    async def _send(self, entry: Entry, instance: Instance, body: bytes) -> Answer:
        operation = entry.operation
        action = operation.action
        if action in NAMESPACE_WRITES:
            answer = await instance.call(
                operation.method, operation.quoted_path, entry.data or None, _JSON, APPLY_TIMEOUT
            )
            tried_before = entry.refused or entry.attempts[instance.name] > 1 or entry.state is State.EXECUTED
            repeated = (action is Action.CREATE_NAMESPACE and answer.status == 409) or (
                action is Action.DELETE_NAMESPACE and answer.status == 404
            )
            return Answer(200, b"{}", dict(_JSON)) if repeated and tried_before else answer
        assert entry.collection is not None
        if action is Action.CREATE_COLLECTION:
            return await self._create(entry, entry.collection, instance)
        if action is Action.DELETE_COLLECTION:
            answer = await instance.call(
                # By the name that the renamings before it in the log have led to, on every instance the same.
                "DELETE",
                operation.path_on_instance(entry.collection.name),
                None,
                _JSON,
                APPLY_TIMEOUT,
            )
            return Answer(200, b"{}", dict(_JSON)) if answer.status == 404 else answer
        own_id = entry.collection.ids.get(instance.name)
        if own_id is None and action is Action.MODIFY_COLLECTION:
            own_id = await self._own_id(entry, instance)
        if own_id is None:
            return Answer(404, b'{"error":"NotFoundError","message":"not created on this instance"}', dict(_JSON))
        return await instance.call(operation.method, operation.path_on_instance(own_id), body, _JSON, APPLY_TIMEOUT)

    async def _create(self, entry: Entry, collection: Collection, instance: Instance) -> Answer:
        path = entry.operation.quoted_path
        answer = await instance.call("POST", path, entry.data, _JSON, APPLY_TIMEOUT)
        if answer.status == 409:
            # The log knows no such collection, so an empty one is our own earlier attempt, whose answer was lost.
            found = await instance.call("GET", f"{path}/{collection.name}", None, _JSON, APPLY_TIMEOUT)
            own_id = _id_of(found)
            count = await instance.call("GET", f"{path}/{own_id}/count", None, _JSON, APPLY_TIMEOUT)
            if count.status != 200 or count.body.strip() != b"0":
                return answer
            answer = found
        if answer.status < 400:
            collection.ids[instance.name] = _id_of(answer)
            self._journal.collection_changed(collection)
        return answer

    async def _own_id(self, entry: Entry, instance: Instance) -> str | None:
        """Ask an instance for the id of a collection by its name before the row, or after it if it was applied."""
        assert entry.name is not None
        path = entry.operation.quoted_path.rsplit("/", 1)[0]
        for name in (entry.name.rsplit("/", 1)[-1], entry.new_name):
            if name:
                found = await instance.call("GET", f"{path}/{quote(name, safe='')}", None, _JSON, APPLY_TIMEOUT)
                if found.status == 200:
                    return _id_of(found)
        return None

    def _executed(self, lane: Lane, entry: Entry, instance: Instance, answer: Answer) -> None:
        """Note that an instance has applied a row; the first one decides its outcome."""
        if entry.state is State.EXECUTED:
            self._applied_here(lane, entry, instance)
            return
        if entry.settled:
            if entry.collection is not None and entry.collection.deleted:
                return
            log.error("%s executed row %d, which was refused elsewhere", instance.name, entry.seq)
            entry.failed_on.add(instance.name)
            self._journal.changed(entry)
            return
        entry.state, entry.executed_on = State.EXECUTED, instance.name
        if not entry.refused:
            entry.error = None
        entry.applied.add(instance.name)
        self._no_longer_owe(lane, entry, instance.name)
        instance.request_count += 1
        for name in self._instances:
            if name != instance.name:
                self._owe(lane, entry, name)
        entry.settled_at = time.monotonic()
        entry.moved.set()
        self._settle_names(entry)
        body = answer.body
        if entry.operation.action is Action.CREATE_COLLECTION and entry.collection is not None:
            body = orjson.dumps(orjson.loads(body) | {"id": entry.collection.id})
        entry.answer(Reply(answer.status, body, answer.headers))
        self._journal.changed(entry)
        self._changed()

    def _applied_here(self, lane: Lane, entry: Entry, instance: Instance) -> None:
        entry.applied.add(instance.name)
        self._no_longer_owe(lane, entry, instance.name)
        if entry.operation.action is Action.DELETE_COLLECTION:
            # A deleted collection is the same everywhere: rows of it that were refused here no longer matter.
            for refused in [e for e in lane.owed[instance.name] if e.collection is entry.collection and e.failed_on]:
                self._no_longer_owe(lane, refused, instance.name)
        self._journal.changed(entry)
        self._changed()

    def _settle_names(self, entry: Entry) -> None:
        """Bring the catalog in line with a renaming, once it is decided."""
        if entry.collection is not None and (name := entry.new_name):
            self._catalog.rename(entry.collection, name)
            self._journal.collection_changed(entry.collection)

    def _reject(self, lane: Lane, entry: Entry, reply: Reply, reason: str) -> None:
        self._end(lane, entry, State.REJECTED, reason)
        entry.answer(reply)
        self._journal.changed(entry)

    def _end(self, lane: Lane, entry: Entry, state: State, reason: str) -> None:
        entry.state, entry.error = state, reason
        entry.moved.set()
        for name in self._instances:
            self._no_longer_owe(lane, entry, name)
        self._changed()
        collection = entry.collection
        if collection is None:
            return
        if entry.operation.action is Action.CREATE_COLLECTION and not collection.exists:
            self._catalog.remove(collection)
            self._journal.collection_changed(collection)
        elif entry.new_name is not None:
            self._catalog.release((collection.tenant, collection.database, entry.new_name))

    def _diverged(self, entry: Entry, instance: Instance, answer: Answer) -> None:
        """An instance refuses what another has executed: it stays out of line for this collection."""
        self._refused_here(entry, instance, f"{instance.name} answered {answer.status}: {_words(answer)}")

    def _refused_here(self, entry: Entry, instance: Instance, reason: str) -> None:
        log.error("row %d is refused: %s", entry.seq, reason)
        entry.failed_on.add(instance.name)
        entry.error = reason
        self._journal.failed_writes += 1
        self._journal.changed(entry)

    def _failed(self, entries: list[Entry], instance: Instance, reason: str, *, broken: bool) -> None:
        if broken:
            instance.failed(reason)
        for entry in entries:
            entry.error = reason
            self._journal.changed(entry)

    def _give_up_poison(self, lane: Lane, entry: Entry, queue: deque[Entry]) -> bool:
        """Give a row up for good if every instance, well in itself, has failed on it again and again."""
        everywhere = all(
            instance.healthy and entry.attempts.get(name, 0) >= POISON_ATTEMPTS
            for name, instance in self._instances.items()
        )
        if entry.state is not State.PENDING or not everywhere:
            return False
        queue.remove(entry)
        self._end(lane, entry, State.ABANDONED, entry.error or "every instance failed on it")
        self._journal.failed_writes += 1
        entry.refused = True
        self._journal.changed(entry)
        return True


def _id_of(answer: Answer) -> str:
    try:
        return str(orjson.loads(answer.body)["id"])
    except (ValueError, KeyError, TypeError):
        raise Unreachable("the answer names no collection id") from None


def _words(answer: Answer) -> str:
    return answer.body[:300].decode("utf-8", "replace")


def _not_found(reference: str) -> Reply:
    message = f"Collection [{reference}] does not exist."
    return Reply(404, orjson.dumps({"error": "NotFoundError", "message": message}))
