"""Whether what the balancer says of the deployment is complete, and true."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..clients.balancer import Status
from ..clients.database import Database
from ..faults.fault_log import Milestone
from ..faults.probing import PROBE_EVERY, PROBE_TIMEOUT, probe
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..traffic import Distribution, Sample, Sampler, at_once, distribution, untrue_after_each_change, untrue_spans
from ..verdict import CouldNotObserve, NotMet, VerdictClass, summed_up
from ..words import count, duration, listing, sentences


def direct_findings(bed: Testbed) -> list[str]:
    """Return which instances don't answer directly, in words."""
    found = []
    for role in ROLES:
        try:
            bed.instance(role).heartbeat(PROBE_TIMEOUT)
            bed.instance(role).list_collections()
        except CouldNotObserve as error:
            found.append(error.sentence)
    return found


def require_steady(bed: Testbed, within: timedelta) -> None:
    """Wait until all is well and nothing is owed.

    Raises:
        CouldNotObserve: if it is not so in time: then the premise of a test is missing.
    """
    try:
        poll(
            lambda: [*direct_findings(bed), *_status_findings(bed.balancer.status(), pending=True)],
            lambda found: not found,
            within=within,
            patient=True,
            what="The deployment is healthy and steady",
            describe=lambda found: sentences(found) or "so",
        )
    except NotMet as error:
        raise CouldNotObserve(error.sentence) from None


def _status_findings(status: Status, *, pending: bool = False) -> list[str]:
    found = []
    if (status.healthy_instances, status.total_instances) != (2, 2):
        found.append(f"the balancer counts {status.healthy_instances} of {status.total_instances} instances healthy")
    found += [f"the balancer says that the {i.name} is not healthy" for i in status.instances.values() if not i.healthy]
    if pending and status.pending_writes:
        found.append(f"{count(status.pending_writes, 'write')} pending")
    return found


def complete(bed: Testbed) -> str:
    """Check every key and type of /health and /status, and their values; return them in words."""
    try:
        health, status = bed.balancer.health(), bed.balancer.status()
    except CouldNotObserve as error:
        other = f"an answer is not as the contract says: {error.sentence}"
        raise NotMet(VerdictClass.PROTOCOL.says(other)) from None
    found = _status_findings(status)
    if (health.http_status, health.status, health.healthy_instances, health.total_instances) != (200, "healthy", 2, 2):
        found.append(
            f"/health answers {health.http_status} with {health.status}, {health.healthy_instances} of "
            f"{health.total_instances} healthy"
        )
    oldest, found_old = checked_lately(
        {instance.name: instance.last_health_check for instance in status.instances.values()},
        datetime.now().astimezone(),
        2 * bed.environment.settings.check_interval,
        clock_slack(bed),
    )
    found += found_old
    if found:
        raise NotMet(VerdictClass.LYING_STATUS.says(sentences(found)))
    return f"2 of 2 healthy, oldest health check {duration(oldest)} ago"


def checked_lately(
    checks: Mapping[str, datetime], now: datetime, allowed: timedelta, skew: timedelta
) -> tuple[timedelta, list[str]]:
    """Return how long ago the oldest of some health checks was, and what is wrong with any, in words.

    Args:
        checks: when each instance was last checked.
        allowed: how long ago that may be.
        skew: how far the balancer's clock may be from ours; further ahead, a check is one that has not been yet.
    """
    found = []
    for name, at in checks.items():
        if now - at > allowed:
            found.append(
                f"the last health check of the {name} is {duration(now - at)} old, and two intervals are "
                f"{duration(allowed)}"
            )
        elif at - now > skew:
            found.append(f"the last health check of the {name} lies {duration(at - now)} in the future")
    return max(max(now - at, timedelta(0)) for at in checks.values()), found


def both_healthy(bed: Testbed, within: timedelta) -> str:
    """Check that both instances are healthy, directly and by the balancer; return that in words."""

    def look() -> list[str]:
        away = direct_findings(bed)
        told = _status_findings(bed.balancer.status())
        health = bed.balancer.health()
        if (health.http_status, health.status) != (200, "healthy"):
            told.append(f"/health answers {health.http_status} with {health.status}")
        # What is told of an instance that does not answer may well be true.
        lying = [] if away else [VerdictClass.LYING_STATUS.says(one) for one in told]
        return [*(bed.unserved().says(one) for one in away), *(lying or told)]

    poll(
        look,
        lambda found: not found,
        within=within,
        what="Both instances are healthy",
        describe=lambda found: summed_up(found) or "so",
    )
    return "both instances healthy, directly and by the balancer"


def response_times(bed: Testbed, samples: int, warm_ups: int) -> Distribution:
    """Ask /health again and again, and return the figures.

    Raises:
        NotMet: if an answer fails, or isn't "healthy".
    """
    times = []
    for number in range(warm_ups + samples):
        try:
            health = bed.balancer.health()
        except CouldNotObserve as error:
            raise NotMet(bed.unserved().says(f"health check {number + 1} failed: {error.sentence}")) from None
        if (health.http_status, health.status) != (200, "healthy"):
            answered = f"health check {number + 1} was answered with {health.http_status}, {health.status}"
            raise NotMet(VerdictClass.LYING_STATUS.says(answered))
        if number >= warm_ups:
            times.append(health.elapsed)
    return distribution(times)


def strategy_as_configured(bed: Testbed) -> str:
    """Check the strategy and the read ratio against the environment; return them in words."""
    status, settings = bed.balancer.status(), bed.environment.settings
    if status.strategy != settings.strategy:
        other = f"the strategy is {status.strategy}, and {settings.strategy} is configured"
        raise NotMet(VerdictClass.IGNORED_SETTING.says(other))
    if abs(status.read_replica_ratio - settings.read_replica_ratio) > 1e-9:
        ratio = f"the read ratio is {status.read_replica_ratio:g}, {settings.read_replica_ratio:g} is configured"
        raise NotMet(VerdictClass.IGNORED_SETTING.says(ratio))
    return f"{status.strategy} with a read ratio of {status.read_replica_ratio:g}"


def wait_for_count(bed: Testbed, number: int, within: timedelta) -> float:
    """Wait until /health and /status count so many healthy instances; return the seconds it took.

    Both of them have to answer directly, too, and then the time begins when the last one that was away was proved to be
    back.
    """
    began = bed.faults.last_return(ROLES) if number == len(ROLES) else None
    begin = time.monotonic() if began is None else began

    def look() -> tuple[int, int]:
        if number == len(ROLES):
            for role in ROLES:
                bed.ask(role, PROBE_TIMEOUT)
        return bed.balancer.health().healthy_instances, bed.balancer.status().healthy_instances

    poll(
        look,
        lambda seen: seen == (number, number),
        within=within,
        since=begin,
        what=f"{count(number, 'instance')} counted as healthy",
        describe=lambda seen: f"{seen[0]} by /health and {seen[1]} by /status",
        verdict=VerdictClass.LYING_STATUS,
    )
    bed.faults.reached(Milestone.RECOVERED if number == len(ROLES) else Milestone.DETECTED)
    return time.monotonic() - begin


def healthy_again(bed: Testbed, role: str, within: timedelta) -> float:
    """Wait until an instance answers directly and the balancer counts it; return the seconds since it was resumed."""
    begin = bed.faults.restored_at(role)

    def look() -> str:
        bed.instance(role).heartbeat(PROBE_TIMEOUT)
        status = bed.balancer.status()
        good = status.healthy_instances == 2 and status.instances[role].healthy
        return "" if good else str(status)

    poll(
        look,
        lambda seen: not seen,
        within=within,
        since=begin,
        what=f"The {role} is healthy again",
        describe=lambda seen: seen or "so",
        verdict=VerdictClass.LYING_STATUS,
    )
    return time.monotonic() - begin


def steady_again(bed: Testbed, within: timedelta) -> float:
    """Wait until all is well and nothing is owed any more; return the seconds since the last instance was back.

    Raises:
        NotMet: if it is not so in time.
        CouldNotObserve: if nothing was away.
    """
    begin = bed.faults.last_return(ROLES)
    if begin is None:
        raise CouldNotObserve("no instance was away, so nothing shows that the deployment is steady again")

    def look() -> list[str]:
        status = bed.balancer.status()
        away = [bed.unserved().says(one) for one in direct_findings(bed)]
        told = [VerdictClass.LYING_STATUS.says(one) for one in _status_findings(status)]
        owed = status.pending_writes
        due = [VerdictClass.NOT_CONVERGED.says(f"{count(owed, 'write')} pending")] if owed else []
        # What is told of an instance that does not answer may well be true.
        return [*(away or told), *due]

    poll(
        look,
        lambda found: not found,
        within=within,
        since=begin,
        what="The deployment is healthy and steady again",
        describe=lambda found: summed_up(found) or "so",
    )
    return time.monotonic() - begin


def outlast_a_lie(bed: Testbed) -> float:
    """Wait until an outage has lasted half as long again as a status may be untrue; return how long it has.

    In a shorter one no status could be caught at being untrue for too long.

    Raises:
        CouldNotObserve: if nothing is away.
    """
    since = bed.faults.open_since
    if since is None:
        raise CouldNotObserve("nothing is away, so its status can't be watched")
    time.sleep(max(0.0, since + 1.5 * bed.environment.limits.status_lie_max.total_seconds() - time.monotonic()))
    return time.monotonic() - since


def old_heartbeat(bed: Testbed) -> None:
    """Check the version 1 heartbeat."""
    reply = bed.balancer.old_heartbeat()
    answer = reply.json() if reply.status == 200 else None
    if not isinstance(answer, dict) or not isinstance(answer.get("nanosecond heartbeat"), int):
        answered = f"the version 1 heartbeat was answered with {reply.status}: {reply.text}"
        raise NotMet(VerdictClass.PROTOCOL.says(answered))


# ---------------------------------------------------------------- what is owed

_OLDER = timedelta(seconds=0.5)
"""How much older an owed write has to be shown, some time after it was seen to be owed."""


def pending(bed: Testbed) -> dict[str, int]:
    """Return the owed writes as four places show them, asked at the same moment."""
    questions = {
        "/status": lambda: bed.balancer.status().pending_writes,
        "/wal/status": bed.balancer.pending_in_wal_status,
        "/metrics": bed.balancer.pending_in_metrics,
        "the log": bed.database.owed_rows,
    }
    numbers = at_once(list(questions.values()), len(questions))
    return dict(zip(questions, numbers, strict=True))


def pending_shown(bed: Testbed, at_least: int, within: timedelta) -> str:
    """Check that all four places show at least so many owed writes at the same moment; return them in words."""
    if at_least < 1:
        raise CouldNotObserve("at least 1 owed write is needed: a gauge that is never seen above 0 proves nothing")
    bed.pending_seen = False
    shown = poll(
        lambda: pending(bed),
        lambda numbers: min(numbers.values()) >= at_least,
        within=within,
        what=f"At least {count(at_least, 'owed write')} shown everywhere at the same moment",
        describe=_in_words,
        verdict=VerdictClass.BLIND_GAUGE,
    )
    bed.pending_seen = True
    return _in_words(shown)


def pending_of(bed: Testbed, role: str, at_least: int) -> str:
    """Check that /status says who owes what there is, and how old that is at least; return both in words.

    Args:
        role: the instance that owes at least so many writes; the other one owes none.
    """
    status = bed.balancer.status()
    told = {one: status.instances[one].pending_writes for one in ROLES}
    if told[role] < at_least or any(told[one] for one in ROLES if one != role):
        other = f"{told['primary']} owed by the primary and {told['replica']} by the replica are shown"
        raise NotMet(VerdictClass.BLIND_GAUGE.says(f"{other}, and the {role} alone owes at least {at_least}"))
    begin = time.monotonic()

    def look() -> tuple[float, float]:
        since = time.monotonic() - begin
        return since, bed.balancer.status().oldest_pending_seconds

    _, age = poll(
        look,
        # It was owed before this began, so it is older.
        lambda seen: seen[0] >= _OLDER.total_seconds() and seen[1] >= seen[0],
        within=10 * _OLDER,
        what="The oldest owed write is shown to be as old as it is",
        describe=lambda seen: f"{seen[1]:.1f} s, and it is older than {seen[0]:.1f} s",
        verdict=VerdictClass.BLIND_GAUGE,
    )
    return f"{told[role]} owed by the {role} and by nobody else, the oldest for {age:.1f} s"


def pending_zero(bed: Testbed, within: timedelta) -> float:
    """Wait until all four places say that nothing is owed; return the seconds it took.

    Raises:
        CouldNotObserve: if they were not all seen above zero before: then a zero proves nothing.
    """
    if not bed.pending_seen:
        raise CouldNotObserve(
            "the gauges were not seen above 0 before, so a 0 proves nothing; "
            "Pending Writes Should Be Shown Everywhere comes first"
        )
    begin = time.monotonic()
    poll(
        lambda: pending(bed),
        lambda numbers: not any(numbers.values()),
        within=within,
        what="Nothing is owed any more",
        describe=_in_words,
        verdict=VerdictClass.NOT_CONVERGED,
    )
    bed.pending_seen = False
    return time.monotonic() - begin


def _in_words(numbers: Mapping[str, int]) -> str:
    return listing([f"{number} in {place}" for place, number in numbers.items()])


# ---------------------------------------------------------------- truth over time


@dataclass(frozen=True)
class Look:
    """One look at the status, between two at the log in PostgreSQL.

    Attributes:
        owed_before, owed_after: how many rows of the log were owed; None if the log could not be read.
        at: when it ended, on the wall clock.
    """

    status: Status
    owed_before: int | None
    owed_after: int | None
    at: datetime

    @property
    def owed(self) -> int | None:
        """How many writes were owed all the while; None if that changed, or is not known."""
        return self.owed_before if self.owed_before == self.owed_after else None


@dataclass(frozen=True)
class Truth:
    """What the fields of a status are compared with, besides the direct probes.

    Attributes:
        strategy: the configured one.
        oldest: how long ago a last health check may be: two intervals.
        skew: how far the balancer's clock may be from ours.
    """

    strategy: str
    oldest: timedelta
    skew: timedelta

    def findings(self, look: Look) -> list[str]:
        """Return what is untrue in a look, in words."""
        status = look.status
        found = []
        if status.strategy != self.strategy:
            found.append(f"the strategy {status.strategy}, and {self.strategy} is configured")
        healthy = sum(instance.healthy for instance in status.instances.values())
        if healthy != status.healthy_instances:
            found.append(f"{status.healthy_instances} healthy instances, and calls {healthy} of them healthy")
        if look.owed is not None and look.owed != status.pending_writes:
            found.append(f"{count(status.pending_writes, 'write')} pending, and the log has {look.owed}")
        for instance in status.instances.values():
            age = look.at - instance.last_health_check
            if age > self.oldest + self.skew:
                found.append(f"that the {instance.name} was last checked {duration(age)} ago")
            elif -age > self.skew:
                found.append(f"that the {instance.name} was last checked {duration(-age)} from now")
        return found


@dataclass(frozen=True)
class Watched:
    """What a watch saw. Times are in seconds.

    Attributes:
        counts: the numbers of healthy instances, in the order they were shown.
        untrue_after_a_change: how long the status was untrue after an instance went or returned, in all, at most. Short
            stretches are added up: a status that changes its mind all the time is untrue half of it.
        untrue: how long it was untrue all together.
        untruths: what was said and is not true, each once, but for which instance is healthy.
        outage: whether a direct probe failed, so that there was something to tell.
        owed: the greatest number of owed writes that the log had while the status was read.
    """

    counts: list[int]
    untrue_after_a_change: float
    untrue: float
    untruths: list[str]
    outage: bool
    owed: int
    looks: int
    probes: int


class StatusWatch:
    """Looks at /status, at the log, and directly at each instance, until it is stopped."""

    def __init__(self, bed: Testbed) -> None:
        self._database = Database(bed.environment.database_url, bed.environment.dialect.sql)
        settings = bed.environment.settings
        self._truth = Truth(settings.strategy, 2 * settings.check_interval, clock_slack(bed))
        self._looks: Sampler[Look] = Sampler(lambda: self._look(bed), PROBE_EVERY).start()
        self._probes = {role: probe(bed, role) for role in ROLES}

    def _look(self, bed: Testbed) -> Look:
        before = self._owed()
        status = bed.balancer.status()
        return Look(status, before, self._owed(), datetime.now().astimezone())

    def _owed(self) -> int | None:
        try:
            return self._database.owed_rows()
        except CouldNotObserve:
            return None  # then the status is not compared with the log

    def stop(self) -> Watched:
        """End, and return what was seen."""
        try:
            looks = self._looks.stop(last_look=True)
        finally:
            self._database.close()
        return watched(looks, {role: sampler.stop() for role, sampler in self._probes.items()}, self._truth)


def clock_slack(bed: Testbed) -> timedelta:
    """Return how far a clock of the deployment may be from ours, as its database's shows."""
    return timedelta(seconds=0.5) + abs(bed.database.clock_offset())


def watched(looks: Sequence[Sample[Look]], probes: Mapping[str, Sequence[Sample[bool]]], truth: Truth) -> Watched:
    """Compare what the status said with what the direct probes and the log said.

    Args:
        looks: at /status; without a value it said nothing.
        probes: direct looks at each instance; without a value it didn't answer.
        truth: what else it is compared with.
    """
    counts: list[int] = []
    untruths: list[str] = []
    claims = []
    for sample in looks:
        if sample.value is None:
            claims.append(Sample[Mapping[str, bool]](sample.started, sample.ended, None))
            continue
        status = sample.value.status
        if counts[-1:] != [status.healthy_instances]:
            counts.append(status.healthy_instances)
        found = truth.findings(sample.value)
        untruths += found
        healthy = {name: instance.healthy for name, instance in status.instances.items()}
        # Whatever field is untrue, the status is, as if it had said nothing.
        claims.append(Sample(sample.started, sample.ended, None if found else healthy))
    spans = untrue_spans(claims, probes)
    return Watched(
        counts,
        max(untrue_after_each_change(spans, probes)),
        sum(end - begin for begin, end in spans),
        list(dict.fromkeys(untruths)),
        any(sample.value is None for samples in probes.values() for sample in samples),
        max((sample.value.owed or 0 for sample in looks if sample.value is not None), default=0),
        len(looks),
        sum(len(samples) for samples in probes.values()),
    )


def judge_watch(seen: Watched, allowed: timedelta, counts: Sequence[int]) -> None:
    """Judge what a watch saw.

    Raises:
        NotMet: if the status was untrue for too long in all after a change, or counted otherwise.
        CouldNotObserve: if there was no outage to tell, or nothing was owed in it.
    """
    if not seen.outage and list(counts) != [2]:
        raise CouldNotObserve("each instance answered every direct probe, so there was no outage to tell")
    if seen.counts != list(counts):
        instead = f"{' → '.join(map(str, seen.counts))} instead of {' → '.join(map(str, counts))}"
        raise NotMet(VerdictClass.LYING_STATUS.says(f"the number of healthy instances went {instead}"))
    if seen.untrue_after_a_change > allowed.total_seconds():
        after = f"{duration(seen.untrue_after_a_change)} in all after an instance had gone or returned"
        untrue = f"the status was untrue for {after}; allowed are {duration(allowed)}"
        said = f"; it said {listing(seen.untruths, 2)}" if seen.untruths else ""
        raise NotMet(VerdictClass.LYING_STATUS.says(untrue + said))
    if seen.outage and not seen.owed:
        raise CouldNotObserve("no write was owed during the outage, so the status had none to show")
