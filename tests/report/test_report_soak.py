"""Outcomes of several runs: whatever is not the same each time is named."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signoff.runner.soak import Said, differing

OUTCOMES = st.sampled_from(["met", "not met", "could not be tested"])


def test_what_differs_is_named_with_its_run_and_reason() -> None:
    met = {"DOC-1 Documents": Said("met"), "DOC-2 Client": Said("met")}
    runs = [met, met | {"DOC-1 Documents": Said("not met", "LOST: document d1")}, met]
    assert differing(runs) == ["DOC-1 Documents was met in 2 of 3 runs; run 2: not met, LOST: document d1"]


def test_what_a_run_does_not_name_differs() -> None:
    assert differing([{"DOC-1 Documents": Said("met")}, {}]) == [
        "DOC-1 Documents was met in 1 of 2 runs; run 2: no outcome"
    ]


@given(st.dictionaries(st.text(min_size=1, max_size=3), OUTCOMES), st.integers(1, 5))
def test_runs_that_say_the_same_do_not_differ(outcomes: dict[str, str], times: int) -> None:
    assert differing([{name: Said(word) for name, word in outcomes.items()}] * times) == []
