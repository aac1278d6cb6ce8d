"""Failovers, several times at random phases: how long until writes work again, and until the status tells it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from .contents import create, hold_exactly
from .faults import resume, suspend
from .health import healthy_again, require_steady
from .load import failover_of, steady_writer
from .polling import poll
from .process_faults import undo_everything
from .testbed import ROLES, Testbed
from .traffic import Distribution, Failover, Sample, Sampler, SteadyWriter, distribution
from .verdict import CouldNotObserve, NotMet
from .words import duration

_ENOUGH = 10
"""How many requests each phase must see: before the fault, and after it."""


@dataclass(frozen=True)
class Outage:
    """How an instance is taken away, and brought back; each proves what it did."""

    begin: Callable[[Testbed, str], object]
    end: Callable[[Testbed, str], object]


SUSPENSION = Outage(suspend, resume)


@dataclass(frozen=True)
class Repeated:
    """What was measured in all repeats; times in seconds from the moment the fault took effect.

    Attributes:
        first_good: until the first write that was acknowledged and readable.
        told: until the status told the outage.
        each: every repeat.
        seed: of the random phases.
    """

    first_good: Distribution
    told: Distribution
    each: Sequence[Failover]
    seed: int

    @property
    def words(self) -> str:
        """The figures, for the page."""
        return (
            f"writes again after {_spread(self.first_good)}, status told it after {_spread(self.told)}; "
            f"last failing request began {duration(max(one.last_failing for one in self.each))} after the fault at most"
        )

    @property
    def evidence(self) -> str:
        """How much stands behind the figures."""
        refused, unknown = sum(one.refused for one in self.each), sum(one.unknown for one in self.each)
        phases = [sum(getattr(one, phase) for one in self.each) for phase in ("before", "during", "after")]
        return (
            f"{len(self.each)} repeats at random phase (seed {self.seed}), "
            f"{phases[0]} + {phases[1]} + {phases[2]} writes before, during and after; "
            f"{refused} refused, {unknown} indeterminate"
        )


def repeat(
    bed: Testbed, role: str, repeats: int, rate: float, seed: int | None = None, outage: Outage = SUSPENSION
) -> Repeated:
    """Take an instance away and bring it back several times while clients keep writing.

    Args:
        role: primary or replica.
        repeats: how often.
        rate: writes per second.
        seed: of the random phases; a new one by default.
        outage: how it is taken away.

    Raises:
        NotMet: if an instance does not come back in time, or the documents are not exact at the end.
        CouldNotObserve: if a fault can't be proved, or there was too little traffic.
    """
    bed.require_faults()
    if repeats < 1:
        raise CouldNotObserve("at least 1 repeat is needed")
    chosen = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    chance = random.Random(chosen)
    limits = bed.environment.limits
    name = bed.fresh_name("failover")
    create(bed, name, None)
    seen: list[Failover] = []
    told: list[float] = []
    for _ in range(repeats):
        require_steady(bed, limits.recovery_max)
        one, until_told = _once(bed, role, name, rate, chance, outage)
        seen.append(one)
        told.append(until_told)
        hold_exactly(bed, [name], ROLES, limits.sync_lag_max)
    return Repeated(distribution([one.first_good for one in seen]), distribution(told), seen, chosen)


def _once(
    bed: Testbed, role: str, name: str, rate: float, chance: random.Random, outage: Outage
) -> tuple[Failover, float]:
    limits = bed.environment.limits
    patience = limits.failover_max + timedelta(seconds=30)
    status: Sampler[bool] = Sampler(lambda: bed.balancer.status().instances[role].healthy, timedelta(milliseconds=20))
    status.start()
    writing = steady_writer(bed, name, rate).start()
    try:
        _wait_for(writing, 0.0, patience)
        # Not a wait for anything: the fault has to meet any phase of what is periodic in the deployment.
        time.sleep(chance.uniform(0, bed.environment.settings.check_interval.total_seconds()))
        outage.begin(bed, role)
        assert bed.faults.effective_at is not None
        _wait_for(writing, bed.faults.effective_at, patience)
        until_told = _told(status, bed.faults.effective_at, patience)
        outage.end(bed, role)
        healthy_again(bed, role, limits.recovery_max)
    finally:
        try:
            requests = writing.stop()
            status.stop()
        finally:
            undo_everything(bed)
    return failover_of(bed, requests), until_told


def _wait_for(writing: SteadyWriter, since: float, within: timedelta) -> None:
    """Wait until enough writes that were begun since a moment are acknowledged and readable."""
    poll(
        lambda: sum(request.good and request.started >= since for request in writing.requests()),
        lambda number: number >= _ENOUGH,
        within=within,
        every=timedelta(milliseconds=20),
        what=f"{_ENOUGH} writes are acknowledged and readable {'after the fault' if since else 'before the fault'}",
    )


def _told(status: Sampler[bool], fault: float, within: timedelta) -> float:
    def first() -> Sample[bool] | None:
        return next((s for s in status.samples() if s.ended >= fault and s.value is False), None)

    try:
        sample = poll(
            first,
            lambda sample: sample is not None,
            within=within,
            every=timedelta(milliseconds=20),
            what="The status tells the outage",
            describe=lambda sample: "it doesn't" if sample is None else "it does",
        )
    except NotMet as error:
        raise NotMet(f"{error.sentence}, although the instance has failed") from None
    assert sample is not None
    return max(0.0, sample.ended - fault)


def _spread(times: Distribution) -> str:
    return f"median {duration(times.p50)}, p90 {duration(times.p90)}, max {duration(times.longest)}"
