"""Whether the monitor recommends a larger plan when it is due, and only then."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from ..clients.database import Recommendation
from ..data_types import Concern, Urgency
from ..polling import poll
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count, duration, listing, sentences
from .measurements import calm

_HIGH_PERCENT = 95.0
_NEARLY_FULL = 0.9
_NUMBER = re.compile(r"(?<![\w-])\d[\d.,]*")
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
        needless = f"{count(len(given), 'recommendation')} on a calm deployment: {_in_words(given)}"
        raise NotMet(VerdictClass.WRONG_ADVICE.says(needless))
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
        verdict=VerdictClass.WRONG_ADVICE,
    )
    one = next(row for row in given if row.urgency == wanted.urgency.value)
    # One that comes beside it comes with the next measurement at the latest.
    calm(bed, 1)
    given = [row for row in bed.database.recommendations(since) if row.kind == wanted.concern.value]
    if surplus := needless(given, wanted):
        raise NotMet(VerdictClass.WRONG_ADVICE.says(sentences(surplus)))
    if findings := _wrong(one, wanted):
        raise NotMet(
            VerdictClass.WRONG_ADVICE.says(f"the recommendation for {one.kind} is wrong: {sentences(findings)}")
        )
    return one


def needless(given: Sequence[Recommendation], wanted: Expected) -> list[str]:
    """Return which recommendations have an urgency that their use does not call for, in words.

    Args:
        given: all about one concern.
        wanted: one of them; above its range the urgency is high, and below it at most medium.
    """
    found = []
    for one in given:
        if one.urgency == wanted.urgency.value:
            continue
        if one.urgency == Urgency.HIGH.value:
            due = one.current_usage > wanted.at_most
        else:
            due = one.urgency == Urgency.MEDIUM.value and one.current_usage <= wanted.above
        if not due:
            found.append(f"{one.kind} of {one.current_usage:g} was told with {one.urgency} urgency")
    return found


@dataclass(frozen=True)
class Threshold:
    """From where on the contract wants a recommendation, and an urgent one, in percent."""

    medium: float
    high: float = _HIGH_PERCENT

    def urgency(self, usage: float) -> Urgency | None:
        """Return how urgent a use is; None if nothing is due."""
        if usage <= self.medium:
            return None
        return Urgency.HIGH if usage > self.high else Urgency.MEDIUM


CONTRACT: Mapping[Concern, Threshold] = {Concern.MEMORY: Threshold(85.0), Concern.CPU: Threshold(80.0)}


def against_contract(
    used: Sequence[float], given: Sequence[Recommendation], concern: Concern, threshold: Threshold
) -> list[str]:
    """Return where recommendations are not what the contract wants for what was measured, in words.

    Args:
        used: what was measured, in percent, since before the first recommendation.
        given: what was recommended for this concern meanwhile.
    """
    found = [
        f"{concern.value} of {one.current_usage:g} % was told with {one.urgency} urgency"
        for one in given
        if (due := threshold.urgency(one.current_usage)) is None or due.value != one.urgency
    ]
    most = max(used, default=0.0)
    due, told = threshold.urgency(most), {one.urgency for one in given}
    if due is not None and due.value not in told:
        found.append(f"{concern.value} of {most:.1f} % was measured, and nothing of {due.value} urgency was told")
    return found


def keeps_contract(bed: Testbed, since: datetime) -> str:
    """Check all that was recommended for memory and CPU against all that was measured, by the contract's thresholds.

    Raises:
        NotMet: if something is missing, needless, or of another urgency.
    """
    calm(bed, 2)
    # The newest measurement's recommendation may be on its way.
    rows = bed.database.measurements(since)[:-1]
    given = bed.database.recommendations(since)
    used = {
        Concern.MEMORY: [row.memory_percent for row in rows],
        Concern.CPU: [row.cpu_percent for row in rows],
    }
    found = [
        wrong
        for concern, threshold in CONTRACT.items()
        for wrong in against_contract(
            used[concern], [one for one in given if one.kind == concern.value], concern, threshold
        )
    ]
    if found:
        raise NotMet(VerdictClass.WRONG_ADVICE.says(sentences(found)))
    shown = listing([f"{concern.value} {max(values, default=0):.0f} % at most" for concern, values in used.items()])
    return f"{count(len(rows), 'measurement')}, {shown}; told: {_in_words(given) or 'nothing'}"


def nearly_full(bed: Testbed) -> str:
    """Return a MAX_MEMORY_MB of which a deployment like this one uses nine tenths, by its latest measurement."""
    used = calm(bed, 1)[-1].memory_usage_mb
    return str(max(1, round(used / _NEARLY_FULL)))


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

    Each service has a cooldown of its own: recommendations repeat each other if their reasons differ in numbers only.

    Args:
        number: how many recommendations to wait for; each is due after the cooldown and one measurement.
        since: by the server's clock.
    """
    if number < 2:
        raise CouldNotObserve("at least 2 recommendations are needed to see what is between them")
    turn = cooldown + 3 * bed.environment.settings.resource_check_interval
    rows = poll(
        lambda: [one for one in bed.database.recommendations(since) if one.kind == concern.value],
        lambda found: max(map(len, repeated(found)), default=0) >= number,
        within=number * turn,
        what=f"{number} recommendations for {concern.value} are given, {duration(cooldown)} apart",
        describe=lambda found: count(len(found), "recommendation"),
        verdict=VerdictClass.WRONG_ADVICE,
    )
    gaps = [(later.at - earlier.at) for same in repeated(rows) for earlier, later in pairwise(same)]
    if min(gaps) < cooldown - _ALLOWED:
        soon = f"a recommendation was repeated after {duration(min(gaps))}; its cooldown is {duration(cooldown)}"
        raise NotMet(VerdictClass.WRONG_ADVICE.says(soon))
    # A message follows its row.
    told = poll(
        lambda: [message for message in bed.alerts.messages() if concern.value in message.payload and message.taken],
        lambda found: len(found) >= len(rows),
        within=bed.environment.limits.alert_max,
        what=f"Slack is told of {count(len(rows), 'recommendation')} for {concern.value}",
        describe=lambda found: count(len(found), "message"),
        verdict=VerdictClass.ALERT_MISSING,
    )
    given = sum(one.kind == concern.value for one in bed.database.recommendations(since))
    if len(told) > given:
        more = f"{count(given, 'recommendation')} in the database, and {count(len(told), 'message')} of them"
        raise NotMet(VerdictClass.ALERT_DUPLICATE.says(more))
    return f"{len(rows)} recommendations, {listing([duration(gap) for gap in gaps])} apart"


def repeated(given: Sequence[Recommendation]) -> list[list[Recommendation]]:
    """Return what repeats each other, in order: reasons that differ in numbers only, but for those within a name."""
    same: defaultdict[str, list[Recommendation]] = defaultdict(list)
    for one in given:
        same[_NUMBER.sub("…", one.reason)].append(one)
    return list(same.values())


def _in_words(given: Sequence[Recommendation]) -> str:
    return listing([f"{one.kind} {one.urgency} ({one.reason})" for one in given])
