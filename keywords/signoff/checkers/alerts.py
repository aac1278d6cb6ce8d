"""Alerts: people are told of each outage once, and of its end once, in time, and about the right instance."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import inf

from ..data_types import Role
from ..history import Alert, on_the_way_to
from ..verdict import VerdictClass
from ..words import count, duration
from .claims import Claim
from .findings import Checked, Finding, unobserved, untested
from .outages import Outage, outages
from .view import View


def check(view: View) -> Checked:
    """Return what people were not told, told twice, or told wrongly.

    Only outages that lasted longer than an alert may take have to be told: a shorter one may have gone unnoticed.
    """
    history = view.history
    if not history.alert_reads:
        return Checked()
    read = history.alert_reads[-1]
    if read.number != len(history.alerts):
        return Checked(gaps=(unobserved(f"{read.number} alerts were read and {len(history.alerts)} are recorded"),))
    findings: list[Finding] = []
    told = 0
    expected: set[int] = set()
    for role in Role:
        everything = outages(history)
        own = [one for one in everything if _stops(one, role)]
        # Whoever is hard to reach may be called unhealthy, and need not be.
        for outage in everything:
            if outage not in own and outage.target in (role.value, on_the_way_to(role.value)):
                last = outage.restored + view.limits.alert
                expected |= {id(alert) for alert in history.alerts if _about(alert, role, outage.injected, last)}
        ends = [later.injected for _, later in pairwise(own)] + [read.at]
        for outage, end in zip(own, ends, strict=False):  # without an outage there is no end of one
            if outage.undone - outage.injected <= view.limits.alert:
                expected |= {id(alert) for alert in history.alerts if _about(alert, role, outage.injected, end)}
                continue
            told += 1
            for recovered, since, until in ((False, outage.injected, end), (True, outage.undone, end)):
                mine = [
                    alert
                    for alert in history.alerts
                    if alert.recovered is recovered and _about(alert, role, since, until)
                ]
                expected |= {id(alert) for alert in mine}
                findings += _judged(mine, outage, since, view.limits.alert, recovered=recovered)
    for alert in history.alerts:
        if id(alert) not in expected:
            words = f"An alert says \u201c{alert.text}\u201d, and nothing of that kind happened then"
            findings.append(Finding(VerdictClass.ALERT_WRONG, words))
    gaps = () if told else (untested("No outage lasted long enough that people had to be told of it"),)
    detail = f"{count(told, 'outage')} had to be told, and the end of each"
    return Checked(tuple(findings), gaps, claim=Claim(len(history.alerts), "message", detail=detail, trials=False))


def _stops(outage: Outage, role: Role) -> bool:
    return outage.target == role.value and outage.kind.stops_writes and outage.restored < inf


def _about(alert: Alert, role: Role, since: float, until: float) -> bool:
    return alert.instance is role and since <= alert.at < until


def _judged(alerts: list[Alert], outage: Outage, since: float, limit: float, *, recovered: bool) -> Iterator[Finding]:
    what = f"{'the end of ' if recovered else ''}fault {outage.fault}"
    if not alerts:
        yield Finding(VerdictClass.ALERT_MISSING, f"Nobody was told of {what}")
        return
    # How soon an instance works again is its own business; the limit begins when it does.
    begin = outage.restored if recovered else since
    if (late := alerts[0].at - begin) > limit:
        words = f"People were told of {what} after {duration(late)}; allowed are {duration(limit)}"
        yield Finding(VerdictClass.ALERT_MISSING, words)
    if len(alerts) > 1:
        yield Finding(VerdictClass.ALERT_DUPLICATE, f"People were told of {what} {len(alerts)} times")
