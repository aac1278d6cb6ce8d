"""The deployment under test, as the keyword libraries of one process share it.

Everything is made when it is first used, so that documentation, dry runs and linters work with nothing running. What
a library writes is noted here, so that another one can judge it.
"""

from __future__ import annotations

import itertools
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

from .clients.alerts import Alerts
from .clients.balancer import Balancer
from .clients.client import Told, Write, Writer, official_client, told_by_client
from .clients.database import Database
from .clients.instances import CollectionInfo, Instance
from .clients.render import RenderApi
from .documents import Document, payload
from .environment import Environment, load_environment
from .faults.fault_log import FaultLog
from .faults.guard import Guard, Use
from .faults.local_processes import main_process
from .faults.locked_store import LockedStore
from .faults.undo import Held, Poisoned, SilentSink, Suspension, UndoJournal
from .ledger import Change, Kind, Ledger
from .local_stack import LocalStack, claimed_endpoints
from .manifest import Manifest
from .verdict import CouldNotObserve, NotTested

LOCAL = "local"
ROLES = ("primary", "replica")
# A client gives up later than the balancer does, so that a 503 is seen as one, and not as a timeout.
_BEYOND_THE_BALANCER = timedelta(seconds=5)


@dataclass
class Tracked:
    """A collection that this run created.

    Attributes:
        id: what the balancer calls it; "" while it isn't there.
        metadata: what it was created with.
        ledger: what its documents should be.
        earlier_ids: ids that earlier collections of this name had, on any instance.
        handle: the official client's object for it; None if it was created over REST.
    """

    name: str
    id: str = ""
    metadata: Mapping[str, Any] | None = None
    ledger: Ledger = field(default_factory=Ledger)
    earlier_ids: set[str] = field(default_factory=set)
    handle: Any = None


class Testbed:
    """One deployment with everything that speaks to it.

    Args:
        environment: which one.
    """

    __test__ = False  # not a pytest class, whatever its name begins with

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.collections: dict[str, Tracked] = {}
        self.suspended: dict[str, Suspension] = {}
        self.frozen: dict[str, list[Held]] = {}
        self.locked: dict[str, LockedStore] = {}
        self.poisoned: dict[str, Poisoned] = {}
        self.silent_sink: SilentSink | None = None
        self.faults = FaultLog()
        self.pending_seen = False
        """Whether the gauges of owed writes were all seen above zero, so that a zero means something."""
        self.primary = Instance("primary", environment.primary_url)
        self.replica = Instance("replica", environment.replica_url)
        self.through_balancer = Instance("balancer", environment.balancer_url, self.patience, whole=True)
        self.balancer = Balancer(environment.balancer_url, environment.dialect)
        self.writer = Writer(environment.balancer_url, self.patience)
        self.guard = Guard(environment.balancer_url)
        self.manifest = Manifest(environment.balancer_url)
        self._run = f"{time.strftime('%m%d%H%M%S')}-{os.getpid()}"
        self._numbers = itertools.count(1)
        self._writes: list[Write] = []
        self._lock = threading.Lock()

    @property
    def patience(self) -> timedelta:
        """How long a client waits for the balancer's answer."""
        return self.environment.settings.request_timeout + _BEYOND_THE_BALANCER

    @cached_property
    def database(self) -> Database:
        return Database(self.environment.database_url, self.environment.dialect.sql)

    @cached_property
    def undo(self) -> UndoJournal:
        return UndoJournal()

    @cached_property
    def alerts(self) -> Alerts:
        """The place where alerts can be read back.

        Raises:
            NotTested: if the environment has none.
        """
        if self.environment.alerts is None:
            raise NotTested(
                f"alerts of the environment {self.environment.name} can't be read back; name a sink under alerts in "
                f"{self.environment.file}"
            )
        return Alerts(self.environment.alerts, self.environment.dialect.instances)

    @cached_property
    def client(self) -> Any:
        """Chroma's own client, through the balancer."""
        return official_client(self.environment.balancer_url, self.session("client"))

    @cached_property
    def render(self) -> RenderApi:
        """The control plane.

        Raises:
            NotTested: if the environment has none.
        """
        if self.environment.render is None:
            raise NotTested(
                f"the environment {self.environment.name} has no control plane; add render to {self.environment.file}"
            )
        return RenderApi(self.environment.render)

    def instance(self, role: str) -> Instance:
        """Return the instance of a role: primary or replica."""
        return {"primary": self.primary, "replica": self.replica}[role]

    def ask(self, role: str, timeout: timedelta) -> None:
        """Ask an instance, the balancer or postgres whether it works; any other service only has to be there.

        Raises:
            CouldNotObserve: if it doesn't answer as it should.
        """
        if role == "postgres":
            database = Database(self.environment.database_url, self.environment.dialect.sql, timeout.total_seconds())
            try:
                database.version()
            finally:
                database.close()
        elif role == "balancer":
            self.balancer.health()
        elif role in ROLES:
            self.instance(role).heartbeat(timeout)
        else:
            main_process(self.environment, role)

    def require_faults(self) -> None:
        """Make sure that this process may break something.

        Raises:
            NotTested: if the environment forbids it.
            CouldNotObserve: if others may be using the deployment.
        """
        if not self.environment.destructive:
            raise NotTested(
                f"faults are forbidden in the environment {self.environment.name}; its owner can allow them with "
                f"destructive: allowed, under permissions in {self.environment.file}"
            )
        if self.guard.use is not Use.ALONE:
            raise CouldNotObserve(
                "faults need the deployment for this suite alone; give it   Suite Setup    Use The Deployment Alone"
            )

    def fresh_name(self, stem: str) -> str:
        """Return a collection name that nobody has used, beginning with a stem of letters, digits, "-" and "_"."""
        clean = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_") or "collection"
        return f"{clean}-{self._run}-{next(self._numbers)}"

    def session(self, stem: str) -> str:
        """Return a session id that nobody has used."""
        return f"{stem}-{self._run}-{next(self._numbers)}"

    def tracked(self, name: str) -> Tracked:
        """Return what is known of a collection that this run created.

        Raises:
            CouldNotObserve: if it hasn't.
        """
        if name not in self.collections:
            raise CouldNotObserve(f"this run has not created a collection {name}; Create Collection gives one's name")
        return self.collections[name]

    def track(self, name: str, metadata: Mapping[str, Any] | None = None) -> Tracked:
        """Begin to follow a collection, before it is created, or before it is created again."""
        self.manifest.add(name)
        earlier = self.collections.get(name)
        tracked = Tracked(name, metadata=metadata, earlier_ids=set(earlier.earlier_ids) if earlier else set())
        self.collections[name] = tracked
        return tracked

    def record(self, write: Write) -> Write:
        """Keep a write, to be compared with the logs later."""
        with self._lock:
            self._writes.append(write)
        return write

    def writes(self, session: str = "") -> list[Write]:
        """Return the writes of a session (all of them by default), in the order of their answers.

        A burst of writes shares the beginning of its sessions, up to a slash: ``burst-7/1``, ``burst-7/2``, ….
        """
        with self._lock:
            return [
                write
                for write in self._writes
                if not session or write.session == session or write.session.startswith(f"{session}/")
            ]

    def write(self, session: str, kind: Kind, collection: str, documents: Sequence[Document]) -> Write:
        """Write documents over REST, and note the outcome in the collection's ledger.

        Args:
            session: an X-Session-ID of its own.
        """
        tracked = self.tracked(collection)
        write = self.record(self.writer.write(session, kind, collection, tracked.id, documents))
        tracked.ledger.note([Change.of(kind, document) for document in documents], write.effect)
        return write

    def write_with_client(self, kind: Kind, collection: str, documents: Sequence[Document]) -> Told:
        """Write documents with the official client, and note the outcome in the collection's ledger."""
        tracked = self.tracked(collection)
        handle = self.handle(tracked)
        values = payload(documents)
        if kind is Kind.DELETE:
            told = told_by_client(lambda: handle.delete(ids=values["ids"]))
        else:
            call = {Kind.ADD: handle.add, Kind.UPDATE: handle.update, Kind.UPSERT: handle.upsert}[kind]
            given = {name: column for name, column in values.items() if any(item is not None for item in column)}
            told = told_by_client(lambda: call(**given))
        tracked.ledger.note([Change.of(kind, document) for document in documents], told.effect)
        return told

    def handle(self, tracked: Tracked) -> Any:
        """Return the official client's object for a collection; it is kept, as users keep it."""
        if tracked.handle is None:
            tracked.handle = self.client.get_collection(tracked.name, embedding_function=None)
        return tracked.handle

    def own_ids(self, name: str) -> dict[str, CollectionInfo]:
        """Return a collection as each instance describes it, by role."""
        return {role: self.instance(role).collection(name) for role in ROLES}

    def close(self) -> None:
        """Close what is open, and give back the deployment."""
        self.database.close()
        self.guard.release()


_lock = threading.RLock()
_current: Testbed | None = None
_own: list[tuple[LocalStack, Testbed | None]] = []


def current() -> Testbed:
    """Return the deployment under test, made when it is first asked for.

    The environment is the one that SIGNOFF_ENVIRONMENT names (local by default). For the local one a stack is found,
    or started.

    Raises:
        BadEnvironment, StackFailed: with one sentence.
    """
    global _current
    with _lock:
        if _current is None:
            name = os.environ.get("SIGNOFF_ENVIRONMENT") or LOCAL
            variables = dict(os.environ)
            if name == LOCAL:
                variables |= claimed_endpoints()
            _current = Testbed(load_environment(name, variables))
        return _current


def start_own(settings: Mapping[str, str], *, proxies: bool = False) -> Testbed:
    """Start a further local stack, and make it the deployment under test until :func:`stop_own`.

    Args:
        settings: environment variables of its balancer.
        proxies: whether a fault proxy stands between the balancer and each instance.

    Raises:
        NotTested: if the environment does not allow that.
        StackFailed: if it doesn't come up.
    """
    global _current
    usual = current()
    if not usual.environment.own_deployments:
        raise NotTested(
            f"this needs a deployment with {_in_words(settings)}, and in the environment "
            f"{usual.environment.name} none can be started beside it"
        )
    stack = LocalStack(settings, proxies=proxies)
    stack.start()
    with _lock:
        environment = load_environment(LOCAL, {**os.environ, **stack.endpoints})
        _own.append((stack, _current))
        _current = Testbed(replace(environment, name=f"local with {_in_words(settings)}"))
    return _current


def own_endpoints() -> dict[str, str]:
    """Return the endpoints of what :func:`start_own` started last.

    Raises:
        CouldNotObserve: if nothing was started.
    """
    with _lock:
        if not _own:
            raise CouldNotObserve("this needs a deployment of its own; Start A Deployment Of Its Own gives one")
        return dict(_own[-1][0].endpoints)


def stop_own() -> None:
    """Stop what :func:`start_own` started last, and go back to what was tested before; nothing if there is none."""
    global _current
    with _lock:
        if not _own:
            return
        stack, before = _own.pop()
        own, _current = _current, before
    try:
        if own is not None:
            own.close()
    finally:
        stack.stop()


def _in_words(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items()) or "settings of its own"
