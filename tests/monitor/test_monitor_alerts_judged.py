"""What has to be told of a status, and what of it was: the judgement of alerts, and of a database's tables."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.checks.alerts import Due, due_by, judged
from signoff.checks.recommendations import repeated
from signoff.checks.schema import contract_tables, differences
from signoff.clients.alerts import Message, Notice
from signoff.clients.database import Recommendation
from signoff.traffic import Sample
from signoff.verdict import NotMet, verdict_classes
from signoff.verdict import VerdictClass as V

SECOND = timedelta(seconds=1)
NOW = datetime.now().astimezone()


def due(role: str, notice: Notice, after: float = 0.0) -> Due:
    return Due(role, notice, NOW + after * SECOND, 2 * SECOND)


def message(role: str, notice: Notice, after: float = 0.5, status: int | None = 200) -> Message:
    return Message(NOW + after * SECOND, status, notice, frozenset({role}), f"{role} {notice.value}", "{}")


OUTAGE = [due("primary", Notice.ALERT), due("primary", Notice.RECOVERY, 5)]
TOLD = [message("primary", Notice.ALERT), message("primary", Notice.RECOVERY, 5.5)]


def test_an_outage_told_once_and_in_time_is_met() -> None:
    told = judged(OUTAGE, [message("primary", Notice.ALERT, 0.1, 500), *TOLD], 1)
    assert (told.outages, told.tries) == (1, 1)
    assert told.delays == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(
    ("messages", "words", "named"),
    [
        ([], "the alert about the primary did not come", [V.ALERT_MISSING]),
        (TOLD[:1], "the recovery notice about the primary did not come", [V.ALERT_MISSING]),
        ([TOLD[0], *TOLD], "2 alerts about the primary, and 1 due", [V.ALERT_DUPLICATE]),
        (
            [message("replica", Notice.ALERT), TOLD[1]],
            "1 alert about the replica, and 0 due",
            [V.ALERT_WRONG, V.ALERT_MISSING],
        ),
        ([TOLD[1], TOLD[0]], "in place of the alert about the primary came", [V.ALERT_WRONG]),
        ([message("primary", Notice.ALERT, 2.5), TOLD[1]], "came after 2.5 s, allowed are 2 s", [V.ALERT_MISSING]),
        ([message("primary", Notice.ALERT, 0.5, None), TOLD[1]], "in place of the alert", [V.ALERT_MISSING]),
        ([replace(TOLD[0], roles=frozenset()), *TOLD], "a message names no instance", [V.ALERT_WRONG]),
    ],
)
def test_what_is_missing_late_repeated_or_wrong_is_not_met(messages: list[Message], words: str, named: list[V]) -> None:
    with pytest.raises(NotMet, match=words) as caught:
        judged(OUTAGE, messages, 1)
    assert verdict_classes(str(caught.value)) == tuple(named)


@given(st.lists(st.one_of(st.none(), st.booleans()), max_size=30))
def test_each_change_of_the_status_is_due_once(looks: list[bool | None]) -> None:
    begin = time.monotonic()
    samples = [
        Sample(begin + number, begin + number + 0.01, None if look is None else {"primary": look, "replica": True})
        for number, look in enumerate(looks)
    ]
    seen = [look for look in looks if look is not None]
    changes = [after for before, after in zip([True, *seen], seen, strict=False) if before != after]
    wanted = due_by(samples, 2 * SECOND)
    assert [one.notice is Notice.RECOVERY for one in wanted] == changes
    assert {one.role for one in wanted} <= {"primary"}


def test_a_channel_that_was_deaf_gets_more_time() -> None:
    begin = time.monotonic()
    until = datetime.now().astimezone() + 10 * SECOND
    (one,) = due_by([Sample(begin, begin, {"primary": False})], 2 * SECOND, until, 15 * SECOND)
    assert one.within.total_seconds() == pytest.approx(25, abs=0.5)


def test_a_table_is_compared_column_by_column() -> None:
    tables = contract_tables()
    metrics = tables["performance_metrics"]
    whole = {name: column.types[0] for name, column in metrics.items()}
    assert differences("performance_metrics", metrics, whole) == []
    assert differences("performance_metrics", metrics, {}) == ["there is no table performance_metrics"]
    del whole["cpu_percent"]
    whole["metric_timestamp"] = "timestamp without time zone"
    assert differences("performance_metrics", metrics, whole) == [
        "performance_metrics has no column cpu_percent",
        "performance_metrics.metric_timestamp is of type timestamp without time zone, and not timestamp with time zone",
    ]


def recommended(reason: str, after: float) -> Recommendation:
    return Recommendation(NOW + after * SECOND, "memory", 90.0, "standard", 25.0, reason, "medium")


def test_each_service_has_a_cooldown_of_its_own() -> None:
    reasons = ["sync-worker-1 uses 40 MB, 8 % of 512 MB", "sync-worker-2 uses 41.5 MB, 9 % of 512 MB"]
    rows = [recommended(reason, 4.0 * turn) for turn in range(2) for reason in reasons]
    rows.append(recommended("sync-worker-1 uses 1,040 MB, 203 % of 512 MB", 8.0))
    assert [[one.at - NOW for one in same] for same in repeated(rows)] == [
        [0 * SECOND, 4 * SECOND, 8 * SECOND],
        [0 * SECOND, 4 * SECOND],
    ]
