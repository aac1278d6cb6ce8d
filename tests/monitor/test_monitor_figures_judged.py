"""What the monitor counts and recommends, judged by the contract: the right is not condemned, each mistake is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.checks.measurements import documents_written, miscounted
from signoff.checks.recommendations import CONTRACT, Expected, Threshold, against_contract, needless
from signoff.clients.database import LogRow, Measurement, Recommendation
from signoff.data_types import Concern, Urgency

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROW = Measurement(NOW, 100.0, 20.0, 3.0, 2, 75, 0.1)
LOGGED = LogRow("1", 1, "POST", "/c/add", '{"ids": ["a", "b"]}', "synced", "primary", NOW, NOW, NOW, None)


def told(usage: float, urgency: str, kind: str = "memory") -> Recommendation:
    return Recommendation(NOW, kind, usage, "standard", Decimal(25), "used up", urgency)


def test_figures_have_to_be_those_of_what_was_done() -> None:
    assert miscounted([ROW, ROW], (2, 75)) == []
    assert miscounted([ROW, replace(ROW, total_documents_synced=0)], (2, 75)) == [
        "a measurement counts 2 collections and 0 documents synced, where there are 2 and 75"
    ]
    assert len(miscounted([replace(ROW, active_collections=3)], (2, 75))) == 1


def test_each_document_counts_as_often_as_it_is_written() -> None:
    by_condition = replace(LOGGED, path="/c/delete", data='{"where": {"a": 1}}')
    assert documents_written([LOGGED, LOGGED, by_condition, replace(LOGGED, method="DELETE", data=None)]) == 4


@pytest.mark.parametrize(
    ("wanted", "beside", "words"),
    [
        (Urgency.MEDIUM, told(35, "medium"), ""),
        (Urgency.MEDIUM, told(35, "high"), "memory of 35 was told with high urgency"),
        (Urgency.MEDIUM, told(61, "high"), ""),
        (Urgency.MEDIUM, told(35, "low"), "with low urgency"),
        (Urgency.HIGH, told(35, "medium"), ""),
        (Urgency.HIGH, told(75, "medium"), "memory of 75 was told with medium urgency"),
    ],
)
def test_a_needless_one_of_another_urgency_is_named(wanted: Urgency, beside: Recommendation, words: str) -> None:
    above, at_most = (20.0, 60.0) if wanted is Urgency.MEDIUM else (60.0, 1000.0)
    found = "; ".join(needless([beside], Expected(Concern.MEMORY, wanted, above, at_most)))
    assert words in found
    assert bool(found) is bool(words)


@given(st.lists(st.floats(0, 200), min_size=1, max_size=9), st.sampled_from(sorted(CONTRACT, key=str)))
def test_advice_by_the_contract_is_not_condemned(used: list[float], concern: Concern) -> None:
    threshold, given_now, last = CONTRACT[concern], [], 0
    for usage in used:
        due = threshold.urgency(usage)
        rank = 0 if due is None else 1 if due is Urgency.MEDIUM else 2
        if due is not None and rank > last:
            given_now.append(told(usage, due.value, concern.value))
            last = rank
    assert against_contract(used, given_now, concern, threshold) == []


@pytest.mark.parametrize(
    ("used", "given_now", "words"),
    [
        (85.0, [told(85.0, "medium")], "memory of 85 % was told with medium urgency"),
        (85.1, [], "memory of 85.1 % was measured, and nothing of medium urgency was told"),
        (95.0, [told(95.0, "high")], "was told with high urgency"),
        (95.1, [told(95.1, "medium")], "was told with medium urgency"),
        (95.1, [], "nothing of high urgency"),
    ],
)
def test_both_sides_of_each_threshold(used: float, given_now: list[Recommendation], words: str) -> None:
    assert words in "; ".join(against_contract([used], given_now, Concern.MEMORY, CONTRACT[Concern.MEMORY]))


def test_the_thresholds_are_those_of_the_contract() -> None:
    assert {Concern.MEMORY: Threshold(85.0, 95.0), Concern.CPU: Threshold(80.0, 95.0)} == CONTRACT
