"""A fault again and again, at a random phase each time, while clients are at work."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import cycle

from ..checks.health import healthy_again, outlast_a_lie
from ..faults.outages import Outage
from ..faults.processes import balancer_back, kill_balancer
from ..verdict import CouldNotObserve
from .workload import Workload

_PLAYED_WITHIN = timedelta(seconds=90)


def repeat(workload: Workload, role: str, outages: Sequence[Outage], times: int) -> None:
    """Take an instance away and bring it back several times, at a random phase, while clients are at work.

    Args:
        workload: their work; its seed gives the phases.
        role: primary or replica.
        outages: the ways in which it goes and comes back, in turns.

    Raises:
        NotMet: if the instance is not healthy again in time.
        CouldNotObserve: if a fault can't be proved, or the clients can't do what is due.
    """
    bed = workload.bed
    if not outages:
        raise CouldNotObserve("no way of failing was asked for, so nothing would fail")
    for chance, outage in zip(_chances(workload, times), cycle(outages), strict=False):
        # Not a wait for anything: the fault has to meet any phase of what is periodic in the deployment.
        time.sleep(chance.uniform(0, bed.environment.settings.check_interval.total_seconds()))
        outage.begin(bed, role)
        workload.play_phase(_PLAYED_WITHIN)
        outlast_a_lie(bed)
        outage.end(bed, role)
        healthy_again(bed, role, bed.environment.limits.recovery_max)
        workload.play_phase(_PLAYED_WITHIN)


def kill_balancer_repeatedly(workload: Workload, times: int) -> list[float]:
    """Kill the balancer several times, at a random phase, while clients are at work.

    Returns:
        The seconds from each kill until another process answered.

    Raises:
        NotMet: if it doesn't come back in time.
    """
    bed = workload.bed
    down = []
    for chance in _chances(workload, times):
        time.sleep(chance.uniform(0, 0.2))  # not a wait for anything: the kill has to meet any phase of a write
        down.append(balancer_back(bed, kill_balancer(bed), bed.environment.limits.recovery_max))
        workload.play_phase(_PLAYED_WITHIN)
    return down


def _chances(workload: Workload, times: int) -> list[random.Random]:
    if not 1 <= times <= 100:
        raise CouldNotObserve(f"{times} repeats were asked for; allowed are 1 to 100")
    workload.bed.require_faults()
    workload.play_phase(_PLAYED_WITHIN)
    return [random.Random(workload.seed + number) for number in range(times)]
