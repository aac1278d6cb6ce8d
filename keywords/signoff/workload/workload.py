"""One workload from its start to its whole history: clients, watchers, faults as they come, and the end of it all."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path

from ..checks.alerts import settled
from ..checks.contents import create, hold_exactly, write
from ..clients.balancer import Status
from ..data_types import Role
from ..documents import make_documents
from ..faults.guard import Use
from ..faults.processes import works
from ..history import (
    Action,
    Digest,
    Event,
    FaultEvent,
    GaugeSample,
    Header,
    History,
    HistoryWriter,
    Limits,
    Moment,
    Operation,
    Probe,
    Stage,
    StatusSample,
)
from ..ledger import Kind
from ..polling import poll
from ..sandwiches import Phase
from ..testbed import ROLES, Testbed
from ..traffic import Sample, Sampler
from ..verdict import CouldNotObserve, NotMet, NotTested
from ..words import count, duration
from . import closing
from .engine import Engine, Load

ACTIONS = tuple(Action)
_WATCH_EVERY = timedelta(milliseconds=50)
_PROBE_TIMEOUT = timedelta(milliseconds=500)
_MOST_CLIENTS = 2000
_ENOUGH = 60
"""How many operations the clients do in each phase, whatever else is due."""
_FLOOR = 20
"""How many of them must have been wholly within it."""


@dataclass(frozen=True)
class Wanted:
    """What a person asks of a workload.

    Attributes:
        rate: arrivals per second.
        clients: how many requests may be under way at the same time; 0 for as many as a failover may keep waiting.
        seed: gives the same stories again; a new one by default.
        faults: how many faults are to come while it goes on.
        cuts: how often the faults have to cut every order of mutations, for every pair of phases.
        stale: how old a read may be; the limit SYNC_LAG_GOAL by default.
    """

    rate: float = 50.0
    clients: int = 0
    seed: int | None = None
    faults: int = 1
    cuts: int = 5
    stale: timedelta | None = None

    @property
    def each(self) -> int:
        """How many stories are planned for each fault: more than needed, since some meet their fault half done."""
        return ceil(1.6 * self.cuts / self.faults) if self.faults else 0


@dataclass
class Workload:
    """Clients at work, and everything that is seen meanwhile.

    Args:
        bed: the deployment.
        wanted: how much.
        file: where the history goes; it must not be there yet.
    """

    bed: Testbed
    wanted: Wanted
    file: Path
    seed: int = field(init=False)

    def __post_init__(self) -> None:
        _require_possible(self.wanted)
        given = self.wanted.seed
        self.seed = random.SystemRandom().randrange(1_000_000) if given is None else given
        self._operations: list[Operation] = []
        self._events: list[Event] = []
        self._names: list[str] = []
        self._watchers: list[_Watcher] = []

    # ---------------------------------------------------------------- while it goes on

    def start(self) -> Workload:
        """Begin; returns when the first requests are due.

        Raises:
            CouldNotObserve: if the collections can't be made, or the deployment can't be read.
        """
        bed = self.bed
        self._canary()
        self._old_alerts = _messages_so_far(bed)
        now = time.monotonic()
        self._header = Header(
            seed=self.seed,
            deployment=f"{bed.environment.name} at {bed.environment.balancer_url}",
            monotonic=now,
            wall=datetime.now().astimezone(),
            actions=ACTIONS,
            faults=(),
            limits=self._limits(),
        )
        self._writer = HistoryWriter(self.file, self._header)
        try:
            self._before = {role: closing.digests(bed, role, ()) for role in Role}
            load = Load(
                rate=self.wanted.rate,
                clients=self.wanted.clients or self._enough_clients(),
                seed=self.seed,
                faults=self.wanted.faults,
                each=self.wanted.each,
                within=bed.patience.total_seconds(),
            )
            self._engine = Engine(bed.environment.balancer_url, bed.session("load"), load, self._name, self._done)
            self._engine.start()
            self._watchers = [_status_watcher(bed), *(_probe_watcher(bed, role) for role in Role)]
        except BaseException:
            # There may be no engine yet, and one that has failed has ended.
            self._writer.close()
            raise
        bed.faults.listeners.append(self._fault)
        return self

    @property
    def started(self) -> float:
        """When it began, in seconds of the monotonic clock."""
        return self._header.monotonic

    def operations(self) -> list[Operation]:
        """Return the operations that are over so far, in that order."""
        return list(self._operations)

    def last_out(self) -> float:
        """Wait until the outage has lasted so long that people have to be told of it; return its seconds by then.

        Raises:
            CouldNotObserve: if there is no outage.
        """
        began, enough = self.bed.faults.effective_at, self._header.limits.alert
        if began is None or not self.bed.faults.any_open:
            raise CouldNotObserve("nothing is out of order, so there is nothing to tell")
        return poll(
            lambda: time.monotonic() - began,
            lambda seconds: seconds > enough,
            within=timedelta(seconds=enough + 1),
            patient=True,
            what="The outage lasts so long that people have to be told of it",
            describe=duration,
        )

    def play_phase(self, within: timedelta) -> int:
        """Wait until the clients have done what is due in this phase; return how many operations it has seen.

        Raises:
            CouldNotObserve: if they can't in time.
        """
        since = self._phase_since
        try:
            return poll(
                lambda: (self._engine.to_be_cut, self._since(since)),
                lambda seen: not seen[0] and seen[1] >= _ENOUGH,
                within=within,
                patient=True,
                what="The clients have done what is due in this phase",
                describe=lambda seen: f"{seen[0]} mutations to do, {count(seen[1], 'operation')} done",
            )[1]
        except NotMet as error:
            raise CouldNotObserve(error.sentence) from None

    def _since(self, moment: float) -> int:
        number = 0
        for operation in reversed(self._operations):
            if operation.returned < moment:
                break
            number += operation.invoked >= moment
        return number

    _phase_since = 0.0

    def _fault(self, event: FaultEvent) -> None:
        self._record(event)
        if event.stage is Stage.PROVED:
            self._enter(Phase.DURING)
        elif event.stage is Stage.RESTORED and not self.bed.faults.any_open:
            self._enter(Phase.AFTER)

    def _enter(self, phase: Phase) -> None:
        self._phase_since = time.monotonic()
        self._engine.enter(phase)

    def _record(self, event: Event) -> None:
        self._writer.append(event)
        self._events.append(event)

    def _done(self, operation: Operation) -> None:
        self._record(operation)
        self._operations.append(operation)

    def _name(self, purpose: str) -> str:
        name = self.bed.fresh_name(purpose)
        self.bed.manifest.add(name)
        self._names.append(name)
        return name

    # ---------------------------------------------------------------- the end

    def stop(self, watch: timedelta = timedelta(0)) -> History:
        """End the load, read everything that is needed to judge it, and return the history.

        Args:
            watch: how long to wait before the last look at the instances, for what may come back.

        Raises:
            CouldNotObserve: if something can't be read; then the history has no end and is never judged.
        """
        try:
            self._engine.stop(self._header.limits.deletes)
            for watcher in self._watchers:
                for event in watcher.stop():
                    self._record(event)
            for event in self._last_look(watch):
                self._record(event)
            self._writer.end()
        finally:
            self.abandon()
        return History.of(self._header, self._events)

    def _last_look(self, watch: timedelta) -> list[Event]:
        bed, limits = self.bed, self._header.limits
        tried = {name for name in self._names if any(one.collection == name for one in self._operations)}
        names = [name for name in self._names if name in tried]
        events = closing.log(bed, self._operations, limits.terminal)
        closing.wait_until_alike(bed, names, bed.environment.limits.sync_lag_max)
        if watch:
            time.sleep(watch.total_seconds())  # what must not come back may come at any time until then
            events = closing.log(bed, self._operations, limits.terminal)
        events.append(GaugeSample(time.monotonic(), bed.balancer.status().pending_writes))
        events += closing.contents(bed, names)
        events.append(closing.mapping(bed, names))
        after = {role: closing.digests(bed, role, names) for role in Role}
        # While the deployment is ours alone, nobody else can have changed anything.
        alone = bed.guard.use is Use.ALONE
        theirs = set() if alone else closing.written_by_others(bed, self._before, after, self._header.wall)
        for role in Role:
            for moment, seen in ((Moment.BEFORE, self._before[role]), (Moment.AFTER, after[role])):
                events.append(Digest(role, moment, {name: one for name, one in seen.items() if name not in theirs}))
        if self._old_alerts is not None:
            events += closing.alerts(bed, self._header, self._old_alerts, limits.alert)
        return events

    def abandon(self) -> None:
        """End the load, whatever state it is in. Without :meth:`stop` the history has no end, and is never judged."""
        if self._fault in self.bed.faults.listeners:
            self.bed.faults.listeners.remove(self._fault)
        with ExitStack() as ending:
            ending.callback(self._writer.close)
            for watcher in self._watchers:
                ending.callback(watcher.stop)
            ending.callback(self._engine.stop)

    # ---------------------------------------------------------------- what it needs

    def _enough_clients(self) -> int:
        """So many that arrivals keep their schedule while requests hang for as long as a failover may take."""
        limits = self.bed.environment.limits
        longest = max(limits.failover_max, limits.freeze_failover_max, limits.gray_failover_max).total_seconds()
        return min(_MOST_CLIENTS, ceil(self.wanted.rate * (longest + 1)))

    def _canary(self) -> None:
        """Put something there that no client of ours touches, so that damage to others would be seen."""
        bed = self.bed
        name = bed.fresh_name("canary")
        create(bed, name, {"owner": "somebody else"})
        write(bed, Kind.ADD, name, make_documents("canary", 20, token="untouched"))
        hold_exactly(bed, [name], ROLES, bed.environment.limits.sync_lag_max)

    def _limits(self) -> Limits:
        limits, wanted = self.bed.environment.limits, self.wanted
        stale = limits.sync_lag_goal if wanted.stale is None else wanted.stale
        slow = {
            "crash": limits.failover_max,
            "suspended": limits.failover_max,
            "freeze": limits.freeze_failover_max,
            "gray": limits.gray_failover_max,
            "slow": limits.gray_failover_max,
            "black hole": limits.freeze_failover_max,
            "reset": limits.failover_max,
        }
        return Limits(
            stale=stale.total_seconds(),
            untrue=limits.status_lie_max.total_seconds(),
            gauge=limits.sync_lag_goal.total_seconds(),
            terminal=limits.recovery_max.total_seconds(),
            skew=0.5 + abs(self.bed.database.clock_offset().total_seconds()),
            floor=_FLOOR,
            faults=wanted.faults,
            cells=wanted.cuts if wanted.faults else 0,
            receipts=3,
            deletes=0.3,
            late=0.25,
            first_good={kind: value.total_seconds() for kind, value in slow.items()},
            # As soon as the status has to be true, the time for the message begins.
            alert=(limits.status_lie_max + limits.alert_max).total_seconds(),
        )


@dataclass(frozen=True)
class _Watcher:
    """Something that is looked at all the time, and what it becomes in the history."""

    stop: Callable[[], list[Event]]


def _messages_so_far(bed: Testbed) -> int | None:
    """How many messages there are, once those of earlier outages have come; None if what comes now can't be told."""
    if bed.environment.alerts is None:
        return None
    try:
        return len(settled(bed))
    except CouldNotObserve:
        # The alerts of earlier outages are a matter of their own. This history says nothing of alerts.
        return None


def _status_watcher(bed: Testbed) -> _Watcher:
    sampler: Sampler[Status] = Sampler(bed.balancer.status, _WATCH_EVERY).start()

    def events() -> list[Event]:
        found: list[Event] = []
        for sample in sampler.stop():
            seen = sample.value
            healthy = None if seen is None else {name: one.healthy for name, one in seen.instances.items()}
            found.append(StatusSample(sample.started, sample.ended, healthy))
            found.append(GaugeSample(sample.ended, None if seen is None else seen.pending_writes))
        return found

    return _Watcher(events)


def _probe_watcher(bed: Testbed, role: Role) -> _Watcher:
    def alive() -> bool:
        if not works(bed, role.value, _PROBE_TIMEOUT):
            raise CouldNotObserve(f"the {role.value} does not do its work")
        return True

    sampler: Sampler[bool] = Sampler(alive, _WATCH_EVERY).start()

    def probe(sample: Sample[bool]) -> Event:
        return Probe(role, sample.started, sample.ended, sample.value is not None)

    return _Watcher(lambda: [probe(sample) for sample in sampler.stop()])


def _require_possible(wanted: Wanted) -> None:
    if not 1 <= wanted.rate <= 5000:
        raise NotTested(f"a rate of {wanted.rate:g} per second was asked for; allowed are 1 to 5,000")
    if wanted.clients and not 2 <= wanted.clients <= _MOST_CLIENTS:
        raise NotTested(f"{wanted.clients} clients were asked for; allowed are 2 to {_MOST_CLIENTS:,}")
    if not (0 <= wanted.faults <= 100 and 0 <= wanted.cuts <= 100):
        raise NotTested(f"{wanted.cuts} cuts by {wanted.faults} faults were asked for; allowed are 0 to 100 each")
