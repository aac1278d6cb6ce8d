"""How long an outage may go unnoticed: who keeps to the settings is met, and a failure too few or too many is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.checks.detection import Detected, judge, promised
from signoff.verdict import NotMet

INTERVAL = 0.5
THRESHOLDS = st.integers(1, 8)
PHASES = st.floats(0, 1, exclude_max=True)


def noticed(threshold: int, phase: float, takes: float) -> float:
    """Return when a balancer notices an outage, in seconds since it began.

    Args:
        threshold: how many checks have to fail.
        phase: the share of an interval that was over since a check had begun.
        takes: the share of an interval that a check takes, if it is not cut short; then it fails at once.
    """
    first = -phase if phase < takes else 1 - phase
    return (first + threshold - 1) * INTERVAL


def judged(seen: list[float], threshold: int) -> None:
    judge(Detected(tuple(seen), *promised(INTERVAL, threshold), 7))


@given(THRESHOLDS, PHASES, st.floats(0.001, 0.25))
def test_whoever_keeps_to_the_settings_is_met_at_any_phase(threshold: int, phase: float, takes: float) -> None:
    judged([noticed(threshold, phase, takes)], threshold)


@pytest.mark.parametrize("wrong", [-1, 2])
@given(THRESHOLDS)
def test_another_threshold_is_seen_at_some_phase(wrong: int, threshold: int) -> None:
    phases = [number / 10 for number in range(10)]
    with pytest.raises(NotMet, match="IGNORED-SETTING"):
        judged([noticed(threshold + 1 + wrong, phase, 0.01) for phase in phases], threshold + 1)
