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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

from .checks.preflight import PreflightFailed, preflight, usual_wait
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
from .faults.undo import Held, Poisoned, SilentSink, Suspension, UndoJournal, replay
from .ledger import Change, Kind, Ledger
from .local_stack import LocalStack, claimed_endpoints
from .manifest import Manifest
from .verdict import CouldNotObserve, NotTested, VerdictClass

LOCAL = "local"
_OWN_RUN = "SIGNOFF_RUN_FOLDER"
"""Is set by a sign-off for its workers: it has looked at the deployment before."""
_OTHERS_END_WITHIN = timedelta(minutes=10)
ROLES = ("primary", "replica")
# A client gives up later than the balancer does, so that a 503 is seen as one, and not as a timeout.
_BEYOND_THE_BALANCER = timedelta(seconds=5)


@dataclass
class Tracked:
    """A collection that this run created.

    Attributes:
        id: what the balancer calls it; "" while it isn't there.
        metadata, configuration: what it was created with; None if nothing was given.
        acknowledged_at: when its creation was acknowledged, in seconds of the monotonic clock; None if it was not.
        ledger: what its documents should be.
        earlier_ids: ids that earlier collections of this name had, on any instance.
        handle: the official client's object for it; None if it was created over REST.
    """

    name: str
    id: str = ""
    metadata: Mapping[str, Any] | None = None
    configuration: Mapping[str, Any] | None = None
    acknowledged_at: float | None = None
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
        self._require_present("alerts")
        if self.environment.alerts is None:
            raise NotTested(
                f"alerts of the environment {self.environment.name} can't be read back; name a sink under alerts in "
                f"{self.environment.file}"
            )
        return Alerts(self.environment.alerts, self.environment.dialect.instances)

    def _require_present(self, section: str) -> None:
        """Make sure that a section of the environment file is not absent for want of a variable."""
        if reason := self.environment.absent.get(section):
            raise NotTested(f"{reason}, which {section} in {self.environment.file.name} needs")

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
        self._require_present("render")
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

    def track(
        self, name: str, metadata: Mapping[str, Any] | None = None, configuration: Mapping[str, Any] | None = None
    ) -> Tracked:
        """Begin to follow a collection, before it is created, or before it is created again."""
        self.manifest.add(name)
        earlier = self.collections.get(name)
        earlier_ids = set(earlier.earlier_ids) if earlier else set()
        tracked = Tracked(name, metadata=metadata, configuration=configuration, earlier_ids=earlier_ids)
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

    def unserved(self, status: int | None = None) -> VerdictClass:
        """Return the class of work that was not done.

        Args:
            status: of its answer; None if it had none.

        A success that is none is one in any case. Otherwise it matters whether something is broken now.
        """
        if status is not None and 200 <= status < 300:
            return VerdictClass.PROTOCOL
        return VerdictClass.SLOW_FAILOVER if self.faults.any_open else VerdictClass.UNAVAILABLE

    def close(self) -> None:
        """Close what is open, and give back the deployment."""
        self.database.close()
        self.guard.release()


_lock = threading.RLock()
_current: Testbed | None = None
_refused = ""
_own: list[tuple[LocalStack, Testbed | None]] = []


def current() -> Testbed:
    """Return the deployment under test, made when it is first asked for.

    The environment is the one that SIGNOFF_ENVIRONMENT names (local by default). For the local one a stack is found,
    or started. Unless the sign-off that runs this process has looked at it already, every part of it is looked at.

    Raises:
        BadEnvironment, StackFailed: with one sentence.
        CouldNotObserve: if a part of it can't be used; whoever asks later is told so at once.
    """
    global _current, _refused
    with _lock:
        if _refused:
            raise CouldNotObserve(_refused)
        if _current is None:
            name = os.environ.get("SIGNOFF_ENVIRONMENT") or LOCAL
            variables = dict(os.environ)
            if name == LOCAL:
                variables |= claimed_endpoints()
            bed = Testbed(load_environment(name, variables))
            if _OWN_RUN in os.environ:
                _current = bed
                return bed
            try:
                _look_at(bed)
            except PreflightFailed as error:
                _refused = str(error)
                raise CouldNotObserve(_refused) from None
            _current = bed
        return _current


def _look_at(bed: Testbed) -> None:
    """Look at every part of a deployment, when nobody is breaking it; what an interrupted run left broken is mended."""
    bed.guard.take(Use.SHARED, _OTHERS_END_WITHIN)
    try:
        replay(bed.environment)
        preflight(bed.environment, usual_wait(bed.environment))
    finally:
        bed.guard.release()


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


def endpoints_of(bed: Testbed) -> dict[str, str]:
    """Return the variables that an environment file needs beside those of this process; none for a hosted one."""
    with _lock:
        if _own:
            return dict(_own[-1][0].endpoints)
    return claimed_endpoints() if bed.environment.local is not None else {}


@contextmanager
def using(bed: Testbed) -> Iterator[None]:
    """Make another testbed the one that every keyword works on, for a while."""
    global _current
    with _lock:
        before, _current = _current, bed
    try:
        yield
    finally:
        with _lock:
            _current = before


def ends_with_the_run(bed: Testbed) -> bool:
    """Whether a deployment is a local stack that nobody keeps: one of a test's own, or of the run's."""
    with _lock:
        return bed.environment.local is not None and (bool(_own) or "SIGNOFF_STACK" not in os.environ)


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
