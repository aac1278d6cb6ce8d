"""How long the balancer takes to call an instance unhealthy, and how little makes it do so."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import timedelta

from ..faults.outages import Outage
from ..faults.processes import undo_everything
from ..faults.proxies import Toxic, hits, toxic
from ..polling import poll
from ..testbed import Testbed
from ..traffic import Sampler
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count, duration
from .health import healthy_again, require_steady

_LOOK_EVERY = timedelta(milliseconds=10)
_HEARTBEAT = "/heartbeat"
_UNDER_WAY = 0.25
"""The share of an interval that a check may have been under way when the outage met it."""


@dataclass(frozen=True)
class Detected:
    """How long each outage went unnoticed, in seconds, and what the settings promise."""

    each: tuple[float, ...]
    shortest: float
    longest: float
    seed: int

    @property
    def words(self) -> str:
        """The figures, for the page."""
        return f"noticed after {', '.join(duration(one) for one in self.each)}"


def measure(bed: Testbed, role: str, repeats: int, outage: Outage) -> Detected:
    """Make outages without any traffic, and measure how long the balancer takes to call the instance unhealthy.

    Raises:
        NotMet: if an outage is never told.
        CouldNotObserve: if a fault can't be proved.
    """
    bed.require_faults()
    if repeats < 1:
        raise CouldNotObserve("at least 1 repeat is needed")
    settings, limits = bed.environment.settings, bed.environment.limits
    interval, threshold = settings.check_interval.total_seconds(), settings.failure_threshold
    seed = random.SystemRandom().randrange(1_000_000)
    chance = random.Random(seed)
    seen = []
    for _ in range(repeats):
        require_steady(bed, limits.recovery_max)
        # Not a wait for anything: the fault has to meet any phase of the checks.
        time.sleep(chance.uniform(0, interval))
        seen.append(_once(bed, role, outage))
    return Detected(tuple(seen), *promised(interval, threshold), seed)


def promised(interval: float, threshold: int) -> tuple[float, float]:
    """Return the shortest and the longest time that an outage may go unnoticed.

    A check each interval, and a threshold of failures: the first check meets the outage at any time of an interval,
    and the last one decides. So it takes from (threshold - 1) to threshold intervals. A check takes a while itself:
    one that the outage cuts short began before it, so it may be a little less; and one interval more is allowed.

    Args:
        interval: seconds from the begin of a check to that of the next one.
        threshold: how many failures in a row make an instance unhealthy.
    """
    return (threshold - 1 - _UNDER_WAY) * interval, (threshold + 1) * interval


def _once(bed: Testbed, role: str, outage: Outage) -> float:
    status: Sampler[bool] = Sampler(lambda: bed.balancer.status().instances[role].healthy, _LOOK_EVERY)
    status.start()
    try:
        outage.begin(bed, role)
        assert bed.faults.effective_at is not None
        poll(
            lambda: any(sample.value is False for sample in status.samples()),
            bool,
            within=bed.environment.settings.check_interval * (bed.environment.settings.failure_threshold + 20),
            patient=True,
            what=f"The balancer calls the {role} unhealthy, which is proved to be down",
            describe=lambda told: "it does" if told else "it doesn't",
            verdict=VerdictClass.LYING_STATUS,
        )
        outage.end(bed, role)
        healthy_again(bed, role, bed.environment.limits.recovery_max)
    finally:
        try:
            samples = status.stop()
        finally:
            undo_everything(bed)
    first = next(sample for sample in samples if sample.value is False)
    return first.ended - bed.faults.effective_at


def judge(seen: Detected) -> None:
    """Raise NotMet if an outage was noticed sooner or later than the settings promise."""
    for one in seen.each:
        if not seen.shortest <= one <= seen.longest:
            promised = f"{duration(seen.shortest)} to {duration(seen.longest)}"
            noticed = f"an outage was noticed after {duration(one)}; interval and threshold promise {promised}"
            raise NotMet(VerdictClass.IGNORED_SETTING.says(noticed))


def miss_checks(bed: Testbed, role: str, missed: int) -> str:
    """Let a healthy instance miss so many health checks in a row, and see that it is called healthy all the while.

    The checks are counted where they go by, between the balancer and the instance.

    Raises:
        NotMet: if the instance was called unhealthy.
        CouldNotObserve: if the checks were not missed, or so many are enough to call it unhealthy.
    """
    threshold = bed.environment.settings.failure_threshold
    if not 1 <= missed < threshold:
        raise CouldNotObserve(f"{count(missed, 'missed check')} of a threshold of {threshold} prove nothing")
    bed.require_faults()
    status: Sampler[bool] = Sampler(lambda: bed.balancer.status().instances[role].healthy, _LOOK_EVERY)
    with toxic(bed, role, Toxic("missed-checks", "reset_peer", path=_HEARTBEAT, first=missed)) as name:
        status.start()
        try:
            # The checks after the missed ones show that it was they that changed nothing.
            poll(
                lambda: hits(bed, role, name),
                lambda seen: seen.met == missed and seen.passed >= threshold,
                within=bed.environment.settings.check_interval * (threshold + 40),
                patient=True,
                every=timedelta(milliseconds=20),
                what=f"{count(missed, 'check')} of the {role} missed, and {threshold} more answered",
                describe=lambda seen: f"{seen.met} missed, {seen.passed} answered",
            )
        except NotMet as error:
            raise CouldNotObserve(error.sentence) from None
        finally:
            samples = status.stop()
    if any(sample.value is None for sample in samples):
        raise CouldNotObserve("the status was not answered throughout")
    if any(sample.value is False for sample in samples):
        few = f"{count(missed, 'missed check')} of a threshold of {threshold} made the {role} unhealthy"
        raise NotMet(VerdictClass.IGNORED_SETTING.says(few))
    return f"{count(missed, 'missed check')} changed nothing in {len(samples)} looks at the status"
