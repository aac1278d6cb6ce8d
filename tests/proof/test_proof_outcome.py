"""What became of a planted fault: caught only by every requirement that has to see it, for the right reason."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from planted.catalogue import Expected
from planted.proof.outcome import Outcome, Row, false_alarms, outcome_of, rows_of

EXPECTED = Expected("LOST", {"DOC-1": "is missing", "FAIL-4": "on the replica"}, also=("WAL-3",))
RED = (
    Row("DOC-1", "not met", "LOST: document d1 is missing", ("LOST",)),
    Row("FAIL-4", "not met", "LOST: document d2 is missing on the replica", ("LOST",)),
)
IDS = ("DOC-1", "FAIL-4", "WAL-3", "HEALTH-2", "MON-5")
REASONS = ("is missing on the replica", "?")
OUTCOMES = ("met", "not met", "could not be tested")


def test_a_fault_that_every_requirement_sees_is_caught() -> None:
    seen = outcome_of(EXPECTED, [*RED, Row("HEALTH-2", "met")])
    assert seen.outcome is Outcome.CAUGHT
    assert seen.requirements == ("DOC-1", "FAIL-4")
    assert seen.verdicts == ("LOST",)
    assert seen.green == ("HEALTH-2",)
    assert not seen.unrelated


def test_a_fault_that_one_requirement_does_not_see_is_missed() -> None:
    seen = outcome_of(EXPECTED, [RED[0], Row("FAIL-4", "met")])
    assert (seen.outcome, seen.sentence) == (Outcome.MISSED, "FAIL-4 was met")


def test_a_requirement_that_could_not_be_tested_has_seen_nothing() -> None:
    seen = outcome_of(EXPECTED, [RED[0], Row("FAIL-4", "could not be tested", "no stack")])
    assert (seen.outcome, seen.sentence) == (Outcome.MISSED, "FAIL-4 was could not be tested: no stack")


def test_a_requirement_that_was_not_looked_at_has_seen_nothing() -> None:
    seen = outcome_of(EXPECTED, RED[:1])
    assert (seen.outcome, seen.sentence) == (Outcome.MISSED, "FAIL-4 was not tested")


def test_red_with_other_words_is_the_wrong_reason() -> None:
    seen = outcome_of(EXPECTED, [RED[0], Row("FAIL-4", "not met", "LOST: it took too long", ("LOST",))])
    assert seen.outcome is Outcome.WRONG_REASON
    assert "it took too long" in seen.sentence


def test_red_with_another_class_is_the_wrong_reason() -> None:
    other = [Row(row.id, row.outcome, row.reason, ("STALE",)) for row in RED]
    seen = outcome_of(EXPECTED, other)
    assert (seen.outcome, seen.sentence) == (Outcome.WRONG_REASON, "none is LOST; they are STALE")


def test_what_is_broken_with_good_reason_is_no_false_alarm() -> None:
    seen = outcome_of(EXPECTED, [*RED, Row("WAL-3", "not met", "lag", ())])
    assert seen.requirements == ("DOC-1", "FAIL-4", "WAL-3")
    assert not seen.unrelated


def test_what_has_nothing_to_do_with_it_is_named() -> None:
    seen = outcome_of(EXPECTED, [*RED, Row("MON-5", "could not be tested"), Row("HEALTH-2", "not met")])
    assert seen.outcome is Outcome.CAUGHT
    assert seen.unrelated == ("MON-5", "HEALTH-2")


ROWS = st.lists(
    st.builds(
        Row, st.sampled_from(IDS), st.sampled_from(OUTCOMES), st.sampled_from(["is missing on the replica", "?"])
    ),
    unique_by=lambda row: row.id,
)


@given(ROWS)
def test_caught_means_that_each_requirement_is_red_for_the_right_reason(rows: list[Row]) -> None:
    expected = Expected("", EXPECTED.red, EXPECTED.also)
    seen = outcome_of(expected, rows)
    reasons = {row.id: row.reason for row in rows if row.outcome == "not met"}
    right = all(words in reasons.get(id, "") for id, words in expected.red.items())
    assert (seen.outcome is Outcome.CAUGHT) == right


@given(ROWS)
def test_every_row_that_is_not_met_is_put_down_to_something(rows: list[Row]) -> None:
    seen = outcome_of(EXPECTED, rows)
    for row in rows:
        places = [row.id in ids for ids in (seen.requirements, seen.unrelated, seen.green)]
        assert sum(places) <= 1
        assert any(places) or row.id in ("DOC-1", "FAIL-4", "WAL-3")
        assert row.id not in seen.green or row.outcome == "met"


def test_only_what_was_looked_at_counts() -> None:
    page = {
        "requirements": [
            {"id": "DOC-1", "outcome": "met", "reason": "", "verdicts": []},
            {"id": "DOC-2", "outcome": "not tested", "reason": "left out", "verdicts": []},
        ]
    }
    assert rows_of(page) == (Row("DOC-1", "met"),)


def test_anything_but_met_is_a_false_alarm_where_nothing_is_wrong() -> None:
    rows = [Row("DOC-1", "met"), Row("DOC-2", "not met", "lost"), Row("DOC-3", "could not be tested", "no answer")]
    assert false_alarms(rows) == ("DOC-2 not met: lost", "DOC-3 could not be tested: no answer")
