"""What has to be told of a status, and what of it was: the judgement of alerts, and of a database's tables."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.checks.alerts import Due, due_by, judged
from signoff.checks.schema import contract_tables, differences
from signoff.clients.alerts import Message, Notice
from signoff.traffic import Sample
from signoff.verdict import NotMet

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
    ("messages", "words"),
    [
        ([], "the alert about the primary did not come"),
        (TOLD[:1], "the recovery notice about the primary did not come"),
        ([TOLD[0], *TOLD], "2 alerts about the primary, and 1 due"),
        ([message("replica", Notice.ALERT), TOLD[1]], "1 alert about the replica, and 0 due"),
        ([TOLD[1], TOLD[0]], "in place of the alert about the primary came"),
        ([message("primary", Notice.ALERT, 2.5), TOLD[1]], "came after 2.5 s, allowed are 2 s"),
        ([message("primary", Notice.ALERT, 0.5, None), TOLD[1]], "in place of the alert"),
    ],
)
def test_what_is_missing_late_repeated_or_wrong_is_not_met(messages: list[Message], words: str) -> None:
    with pytest.raises(NotMet, match=words):
        judged(OUTAGE, messages, 1)


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
