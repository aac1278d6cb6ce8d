"""Whether what the balancer says of the deployment is complete, and true."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..clients.balancer import Status
from ..faults.probing import PROBE_EVERY, PROBE_TIMEOUT, probe
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..traffic import Distribution, Sample, Sampler, at_once, distribution, untrue_stretches
from ..verdict import CouldNotObserve, NotMet
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
        raise NotMet(f"an answer is not as the contract says: {error.sentence}") from None
    found = _status_findings(status)
    if (health.http_status, health.status, health.healthy_instances, health.total_instances) != (200, "healthy", 2, 2):
        found.append(
            f"/health answers {health.http_status} with {health.status}, {health.healthy_instances} of "
            f"{health.total_instances} healthy"
        )
    oldest = _oldest_check(status)
    allowed = 2 * bed.environment.settings.check_interval
    if oldest > allowed:
        found.append(f"a last health check is {duration(oldest)} old, and two intervals are {duration(allowed)}")
    if found:
        raise NotMet(sentences(found))
    return f"2 of 2 healthy, oldest health check {duration(oldest)} ago"


def _oldest_check(status: Status) -> timedelta:
    now = datetime.now().astimezone()
    return max(max(now - instance.last_health_check, timedelta(0)) for instance in status.instances.values())


def both_healthy(bed: Testbed, within: timedelta) -> str:
    """Check that both instances are healthy, directly and by the balancer; return that in words."""

    def look() -> list[str]:
        found = [*direct_findings(bed), *_status_findings(bed.balancer.status())]
        health = bed.balancer.health()
        if (health.http_status, health.status) != (200, "healthy"):
            found.append(f"/health answers {health.http_status} with {health.status}")
        return found

    poll(
        look,
        lambda found: not found,
        within=within,
        what="Both instances are healthy",
        describe=lambda found: sentences(found) or "so",
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
            raise NotMet(f"health check {number + 1} failed: {error.sentence}") from None
        if (health.http_status, health.status) != (200, "healthy"):
            raise NotMet(f"health check {number + 1} was answered with {health.http_status}, {health.status}")
        if number >= warm_ups:
            times.append(health.elapsed)
    return distribution(times)


def strategy_as_configured(bed: Testbed) -> str:
    """Check the strategy and the read ratio against the environment; return them in words."""
    status, settings = bed.balancer.status(), bed.environment.settings
    if status.strategy != settings.strategy:
        raise NotMet(f"the strategy is {status.strategy}, and {settings.strategy} is configured")
    if abs(status.read_replica_ratio - settings.read_replica_ratio) > 1e-9:
        raise NotMet(f"the read ratio is {status.read_replica_ratio:g}, {settings.read_replica_ratio:g} is configured")
    return f"{status.strategy} with a read ratio of {status.read_replica_ratio:g}"


def wait_for_count(bed: Testbed, number: int, within: timedelta) -> float:
    """Wait until /health and /status count so many healthy instances; return the seconds it took."""
    begin = time.monotonic()
    poll(
        lambda: (bed.balancer.health().healthy_instances, bed.balancer.status().healthy_instances),
        lambda seen: seen == (number, number),
        within=within,
        what=f"{count(number, 'instance')} counted as healthy",
        describe=lambda seen: f"{seen[0]} by /health and {seen[1]} by /status",
    )
    return time.monotonic() - begin


def healthy_again(bed: Testbed, role: str, within: timedelta) -> float:
    """Wait until an instance answers directly and the balancer counts it; return the seconds since it was resumed."""
    begin = bed.faults.restored_at(role)

    def look() -> str:
        bed.instance(role).heartbeat(PROBE_TIMEOUT)
        status = bed.balancer.status()
        good = status.healthy_instances == 2 and status.instances[role].healthy
        return "" if good else str(status)

    left = max(timedelta(0), within - timedelta(seconds=time.monotonic() - begin))
    poll(
        look,
        lambda seen: not seen,
        within=left,
        what=f"The {role} is healthy again",
        describe=lambda seen: seen or "so",
    )
    return time.monotonic() - begin


def old_heartbeat(bed: Testbed) -> None:
    """Check the version 1 heartbeat."""
    reply = bed.balancer.old_heartbeat()
    answer = reply.json() if reply.status == 200 else None
    if not isinstance(answer, dict) or not isinstance(answer.get("nanosecond heartbeat"), int):
        raise NotMet(f"the version 1 heartbeat was answered with {reply.status}: {reply.text}")


# ---------------------------------------------------------------- what is owed


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
    )
    bed.pending_seen = True
    return _in_words(shown)


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
    )
    bed.pending_seen = False
    return time.monotonic() - begin


def _in_words(numbers: Mapping[str, int]) -> str:
    return listing([f"{number} in {place}" for place, number in numbers.items()])


# ---------------------------------------------------------------- truth over time


@dataclass(frozen=True)
class Watched:
    """What a watch saw. Times are in seconds.

    Attributes:
        counts: the numbers of healthy instances, in the order they were shown.
        longest_untrue, untrue: the longest stretch with an untrue status, and all of them together.
        inconsistent: a status whose count was not that of its own list of instances, in words; empty if none.
        outage: whether a direct probe failed, so that there was something to tell.
    """

    counts: list[int]
    longest_untrue: float
    untrue: float
    inconsistent: str
    outage: bool
    looks: int
    probes: int


class StatusWatch:
    """Looks at /status, and directly at each instance, until it is stopped."""

    def __init__(self, bed: Testbed) -> None:
        self._status: Sampler[Status] = Sampler(bed.balancer.status, PROBE_EVERY).start()
        self._probes = {role: probe(bed, role) for role in ROLES}

    def stop(self) -> Watched:
        """End, and return what was seen."""
        status = self._status.stop(last_look=True)
        return watched(status, {role: sampler.stop() for role, sampler in self._probes.items()})


def watched(status: Sequence[Sample[Status]], probes: Mapping[str, Sequence[Sample[bool]]]) -> Watched:
    """Compare what the status said with what the direct probes saw.

    Args:
        status: looks at /status; without a value it said nothing.
        probes: direct looks at each instance; without a value it didn't answer.
    """
    counts: list[int] = []
    inconsistent = ""
    claims = []
    for sample in status:
        if sample.value is None:
            claims.append(Sample[Mapping[str, bool]](sample.started, sample.ended, None))
            continue
        healthy = {name: instance.healthy for name, instance in sample.value.instances.items()}
        if sum(healthy.values()) != sample.value.healthy_instances:
            inconsistent = str(sample.value)
        if counts[-1:] != [sample.value.healthy_instances]:
            counts.append(sample.value.healthy_instances)
        claims.append(Sample(sample.started, sample.ended, healthy))
    stretches = untrue_stretches(claims, probes)
    return Watched(
        counts,
        max(stretches, default=0.0),
        sum(stretches),
        inconsistent,
        any(sample.value is None for samples in probes.values() for sample in samples),
        len(status),
        sum(len(samples) for samples in probes.values()),
    )


def judge_watch(seen: Watched, allowed: timedelta, counts: Sequence[int]) -> None:
    """Judge what a watch saw.

    Raises:
        NotMet: if the status was untrue for too long, contradicted itself, or counted otherwise.
        CouldNotObserve: if there was no outage to tell.
    """
    if not seen.outage and list(counts) != [2]:
        raise CouldNotObserve("each instance answered every direct probe, so there was no outage to tell")
    if seen.inconsistent:
        raise NotMet(f"the status contradicted itself: {seen.inconsistent}")
    if seen.counts != list(counts):
        raise NotMet(
            f"the number of healthy instances went {' → '.join(map(str, seen.counts))} instead of "
            f"{' → '.join(map(str, counts))}"
        )
    if seen.longest_untrue > allowed.total_seconds():
        raise NotMet(f"the status was untrue for {duration(seen.longest_untrue)}; allowed are {duration(allowed)}")
