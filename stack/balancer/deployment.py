"""The balancer's parts, put together: instances, log, catalog, replication, and what follows from their changes."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from .catalog import Catalog, Collection
from .copies import Copies
from .drift import Drift
from .entries import Entry, State
from .handover import Handover
from .instance import Instance
from .journal import Journal
from .operations import Action, Operation, read_operation
from .probing import Probe
from .refill import Refill
from .refusals import Refusals
from .replication import Replication
from .resources import Resources
from .routing import Router
from .settings import Settings, SyncMode

BOTH = "both"


class NoInstanceLeft(Exception):
    """The last healthy instance went away while a request was waiting."""


class Deployment:
    """Everything a request handler needs.

    Args:
        settings: what the balancer was started with.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.started = time.monotonic()
        urls = {"primary": settings.primary_url, "replica": settings.replica_url}
        self.primary, self.replica = (
            Instance(name, url, settings.failure_threshold, settings.check_interval, self._health_changed)
            for name, url in urls.items()
        )
        self.instances = [self.primary, self.replica]
        self.catalog = Catalog()
        self.router = Router(settings.load_balance_strategy, settings.read_replica_ratio)
        self.resources = Resources(settings, self._most_owed)
        self.journal = Journal(
            settings.database_url, [i.name for i in self.instances], self.admit, settings.check_interval
        )
        self.handover = Handover(self.journal, wanted=settings.sync_mode is SyncMode.DISTRIBUTED)
        self.replication = Replication(
            self.instances,
            self.catalog,
            self.journal,
            self.resources,
            self._notify,
            self.handover,
            settings.wal_sync_interval,
        )
        copies = Copies(self.journal, self.replication)
        self.refill = Refill(self.instances, self.catalog, self.journal, self.replication, copies)
        self.drift = Drift(
            self.instances, self.catalog, self.journal, self.replication, copies, settings.drift_check_interval
        )
        self.refusals = Refusals()
        self.waiting: set[Entry] = set()
        self._listeners: set[asyncio.Future[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Connect, look at both instances, and take up what the log says is owed.

        Raises:
            OSError, asyncpg.PostgresError, TimeoutError: the database cannot be used.
        """
        await self.journal.open()
        await self.handover.look_for_workers()
        await self._restore()
        probes = [Probe(instance, self.settings.check_interval, self.refill.verify) for instance in self.instances]
        await asyncio.gather(*(probe.check() for probe in probes))
        self._tasks = [asyncio.create_task(probe.run()) for probe in probes]
        self._tasks.append(asyncio.create_task(self.resources.run()))
        self._tasks.append(asyncio.create_task(self.handover.run()))
        self._tasks.append(asyncio.create_task(self.drift.run()))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.journal.close()
        for instance in self.instances:
            instance.close()

    @property
    def healthy_instances(self) -> int:
        return sum(instance.healthy for instance in self.instances)

    @property
    def may_answer(self) -> bool:
        """Whether a write can still be answered: an instance is healthy, or has merely been slow and is waited for."""
        return any(instance.may_answer for instance in self.instances)

    def _most_owed(self) -> int:
        """Return how many logged writes the instance owes that owes most."""
        return max(self.replication.pending(instance.name) for instance in self.instances)

    async def changed(self, seconds: float) -> None:
        """Wait until an instance changed its health or came in line with something, or the time is over."""
        future = asyncio.get_running_loop().create_future()
        self._listeners.add(future)
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            pass  # The caller looks at the clock itself.
        finally:
            self._listeners.discard(future)

    def admit(self, entry: Entry) -> None:
        """Take a request whose log row is committed: the catalog follows the log, then it is applied."""
        collection, operation = entry.collection, entry.operation
        match operation.action:
            case Action.CREATE_COLLECTION if collection is not None and not collection.deleted:
                self.catalog.add(collection)
            case Action.DELETE_COLLECTION if collection is not None:
                self.catalog.remember_lane(collection.key, collection.lane)
                self.catalog.remove(collection)
            case Action.MODIFY_COLLECTION if collection is not None:
                self._reserve_new_name(entry)
            case Action.DELETE_NAMESPACE:
                for member in self.catalog.in_database(operation.tenant, operation.database):
                    self.catalog.remove(member)
            case _:
                pass
        self.replication.enqueue(entry)

    def _reserve_new_name(self, entry: Entry) -> None:
        collection = entry.collection
        if collection is None or entry.settled:
            return
        if (name := entry.new_name) and name != collection.name:
            self.catalog.reserve((collection.tenant, collection.database, name))

    def _health_changed(self, instance: Instance) -> None:
        others = [other for other in self.instances if other is not instance]
        if not instance.trusted and any(other.trusted for other in others):
            instance.abandon_reads()
        self.replication.health_changed()
        if not self.may_answer:
            for entry in list(self.waiting):
                if entry.reply is not None and not entry.reply.done():
                    entry.reply.set_exception(NoInstanceLeft())
        self._notify()

    def _notify(self) -> None:
        for future in self._listeners:
            if not future.done():
                future.set_result(None)

    async def _restore(self) -> None:
        mappings, rows = await self.journal.load()
        known: dict[UUID, Collection] = {}
        for row in mappings:
            ids = {"primary": row["primary_collection_id"], "replica": row["replica_collection_id"]}
            collection = Collection(
                str(row["collection_id"]),
                row["tenant"],
                row["database"],
                row["collection_name"].rsplit("/", 1)[-1],
                row["lane"],
                {name: str(own_id) for name, own_id in ids.items() if own_id is not None},
            )
            known[row["collection_id"]] = collection
            self.catalog.add(collection)
        for row in rows:
            operation = read_operation(row["method"], row["path"])
            if operation is None:
                raise ValueError(f"row {row['seq']} of the write-ahead log is no request: {row['path']}")
            collection_id = row["collection_id"]
            if collection_id is not None and collection_id not in known:
                # Its mapping row went with the log row of its deletion.
                name = row["collection_name"].rsplit("/", 1)[-1]
                gone = Collection(str(collection_id), operation.tenant, operation.database, name, row["lane"])
                gone.deleted = True
                self.catalog.remember_lane(gone.key, gone.lane)
                known[collection_id] = gone
            entry = _restored(row, operation, known.get(collection_id))
            if row["target_instance"] != BOTH and entry.collection is not None and not entry.collection.deleted:
                # What an instance had lost was being given back to it, nobody knows how far: it is begun again.
                self.refill.begun_before(entry.collection, str(row["target_instance"]), [entry])
                continue
            self._restore_names(entry)
            # Any instance may hold a pending row that only its mark was lost of, or be the one that lacks it.
            self.replication.enqueue(entry, uncertain=True)

    def _restore_names(self, entry: Entry) -> None:
        collection = entry.collection
        if collection is None or entry.name is None:
            return
        self.catalog.remember_lane((collection.tenant, collection.database, entry.name.rsplit("/", 1)[-1]), entry.lane)
        if entry.operation.action is not Action.MODIFY_COLLECTION:
            return
        if not entry.settled:
            self._reserve_new_name(entry)
        elif collection.deleted and entry.new_name:
            # Its mapping row is gone, so the log alone tells under which name to delete it.
            collection.name = entry.new_name


def _restored(row: dict[str, object], operation: Operation, collection: Collection | None) -> Entry:
    executed = row["executed_on"] is not None
    response_status = row["response_status"]
    synced = row["synced_instances"]
    assert isinstance(synced, list)
    entry = Entry(
        operation,
        str(row["data"] or "").encode(),
        str(row["lane"]),
        collection,
        str(row["collection_name"]) if row["collection_name"] is not None else None,
        str(row["client_session"]) if row["client_session"] is not None else None,
        id=row["write_id"],  # type: ignore[arg-type]
        seq=int(row["seq"]),  # type: ignore[call-overload]
        state=State.EXECUTED if executed else State.PENDING,
        applied=set(synced),
        created_at=row["created_at"],  # type: ignore[arg-type]
        executed_on=str(row["executed_on"]) if executed else None,
        error=str(row["error_message"]) if row["error_message"] is not None else None,
        response_status=int(response_status) if isinstance(response_status, int) else None,
        handed_to=str(row["handed_to"]) if row["handed_to"] is not None else None,
        # Nobody waits for the answer any more: only a row that was answered already is not a recovery.
        refused=not (executed and isinstance(response_status, int) and response_status < 500),
    )
    if row["status"] == "failed":
        entry.failed_on = {"primary", "replica"} - entry.applied
    return entry
