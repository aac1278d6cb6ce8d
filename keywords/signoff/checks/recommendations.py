"""Whether the monitor recommends a larger plan when it is due, and only then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from ..clients.database import Recommendation
from ..data_types import Concern, Urgency
from ..polling import poll
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet
from ..words import count, duration, listing, sentences
from .measurements import calm

_HIGH_PERCENT = 95.0
_TURNS = 5
"""How many measurements are waited for before it is said that nothing is recommended."""
_ALLOWED = timedelta(milliseconds=50)
"""What two readings of a clock may differ by."""


@dataclass(frozen=True)
class Expected:
    """What has to be recommended, and the range that the use of it must be in."""

    concern: Concern
    urgency: Urgency
    above: float
    at_most: float


def none_comes(bed: Testbed, concerns: Sequence[Concern], since: datetime) -> str:
    """Check that nothing has been recommended since a time, nor is through some more measurements.

    Args:
        concerns: what it must not be about.
        since: by the server's clock.
    """
    rows = calm(bed, _TURNS)
    given = [one for one in bed.database.recommendations(since) if one.kind in {wanted.value for wanted in concerns}]
    if given:
        raise NotMet(f"{count(len(given), 'recommendation')} on a calm deployment: {_in_words(given)}")
    most = max(row.memory_percent for row in rows)
    return f"nothing recommended in {len(rows)} measurements (memory {most:.0f} % at most)"


def comes(bed: Testbed, wanted: Expected, since: datetime) -> Recommendation:
    """Wait for a recommendation since a time, and check what it says.

    Raises:
        NotMet: if it doesn't come within the third measurement, or says something else.
    """
    given = poll(
        lambda: [one for one in bed.database.recommendations(since) if one.kind == wanted.concern.value],
        lambda found: any(one.urgency == wanted.urgency.value for one in found),
        within=3 * bed.environment.settings.resource_check_interval + bed.environment.limits.alert_max,
        what=f"A recommendation for {wanted.concern.value} of {wanted.urgency.value} urgency is given",
        describe=lambda found: _in_words(found) or "none",
    )
    one = next(row for row in given if row.urgency == wanted.urgency.value)
    if findings := _wrong(one, wanted):
        raise NotMet(f"the recommendation for {one.kind} is wrong: {sentences(findings)}")
    return one


def _wrong(one: Recommendation, wanted: Expected) -> list[str]:
    found = []
    if not wanted.above < one.current_usage <= wanted.at_most:
        found.append(
            f"its usage of {one.current_usage:g} is not above {wanted.above:g} and at most {wanted.at_most:g}, as "
            f"{wanted.urgency.value} urgency wants"
        )
    if not one.recommended_tier.strip() or not one.reason.strip():
        found.append("it has no plan or no reason")
    if one.estimated_monthly_cost <= 0:
        found.append(f"its cost is {one.estimated_monthly_cost} USD a month")
    return found


def percent_range(urgency: Urgency, threshold: float) -> tuple[float, float]:
    """Return the percentages, above the first and up to the second, that an urgency is for."""
    return (threshold, _HIGH_PERCENT) if urgency is Urgency.MEDIUM else (max(threshold, _HIGH_PERCENT), float("inf"))


def keep_cooldown(bed: Testbed, concern: Concern, cooldown: timedelta, number: int, since: datetime) -> str:
    """Check that a lasting condition is told again and again, and never within the cooldown; return it in words.

    Args:
        number: how many recommendations to wait for; each is due after the cooldown and one measurement.
        since: by the server's clock.
    """
    if number < 2:
        raise CouldNotObserve("at least 2 recommendations are needed to see what is between them")
    turn = cooldown + 3 * bed.environment.settings.resource_check_interval
    rows = poll(
        lambda: [one for one in bed.database.recommendations(since) if one.kind == concern.value],
        lambda found: len(found) >= number,
        within=number * turn,
        what=f"{number} recommendations for {concern.value} are given, {duration(cooldown)} apart",
        describe=lambda found: count(len(found), "recommendation"),
    )
    gaps = [(later.at - earlier.at) for earlier, later in pairwise(rows)]
    if min(gaps) < cooldown - _ALLOWED:
        raise NotMet(f"a recommendation was repeated after {duration(min(gaps))}; its cooldown is {duration(cooldown)}")
    # A message follows its row.
    told = poll(
        lambda: [message for message in bed.alerts.messages() if concern.value in message.payload and message.taken],
        lambda found: len(found) >= len(rows),
        within=bed.environment.limits.alert_max,
        what=f"Slack is told of {count(len(rows), 'recommendation')} for {concern.value}",
        describe=lambda found: count(len(found), "message"),
    )
    given = sum(one.kind == concern.value for one in bed.database.recommendations(since))
    if len(told) > given:
        raise NotMet(f"{count(given, 'recommendation')} in the database, and {count(len(told), 'message')} of them")
    return f"{len(rows)} recommendations, {listing([duration(gap) for gap in gaps])} apart"


def _in_words(given: Sequence[Recommendation]) -> str:
    return listing([f"{one.kind} {one.urgency} ({one.reason})" for one in given])
