"""How a refused start is judged, and what moments and answers tell of settings."""

from __future__ import annotations

import pytest

from signoff.checks.configuration import Admission, Mistake, admission, refusal_problem, rises, steps

RATIO = Mistake("READ_REPLICA_RATIO", "1.5", ("1",))


@pytest.mark.parametrize(
    ("printed", "problem"),
    [
        ("READ_REPLICA_RATIO: '1.5' is not allowed; allowed is at most 1", ""),
        ("Starting.\nREAD_REPLICA_RATIO=1.5 is too much, 1 is the most", ""),
        ("", "was named in 0 lines"),
        ("MY_READ_REPLICA_RATIO_2 1.5 1", "was named in 0 lines"),
        ("READ_REPLICA_RATIO 1.5, 0 to 1\nREAD_REPLICA_RATIO again", "was named in 2 lines"),
        ("READ_REPLICA_RATIO is not allowed; allowed is at most 1", "does not show the value 1.5"),
        ("READ_REPLICA_RATIO: 1.5 is not allowed", "does not say what is allowed (1)"),
        ("Traceback (most recent call last):\nREAD_REPLICA_RATIO: 1.5 is not at most 1", "is a traceback"),
    ],
)
def test_a_refusal_names_the_variable_the_value_and_what_is_allowed(printed: str, problem: str) -> None:
    found = refusal_problem(printed, RATIO)
    assert problem in found
    assert bool(problem) == bool(found)


@pytest.mark.parametrize(
    "shown", ["mysql://me:hunter2-hunter2@db/signoff", "the password hunter2-hunter2", "the database longname"]
)
def test_a_refusal_must_not_show_a_secret_or_a_part_of_it(shown: str) -> None:
    secret = Mistake("DATABASE_URL", "mysql://me:hunter2-hunter2@db/longname", secret=True)
    said = f"DATABASE_URL: {shown.replace('signoff', 'longname')} is not allowed"
    assert refusal_problem(said, secret) == "the value of DATABASE_URL, which is secret, was shown"


def test_reads_at_once_are_told_apart_by_when_they_were_served() -> None:
    answers = [(200, 0.51), (503, 0.01), (200, 0.53), (200, 1.02), (500, 0.2), (503, 0.02)]
    assert admission(answers) == Admission(2, 1, 2, ("one answered with 500",))
    assert admission([(503, 0.1)]) == Admission(0, 0, 1)
    assert str(Admission(4, 3, 5)) == "4 served at once, 3 after them, 5 refused"


def test_each_rise_of_a_counter_has_its_moment() -> None:
    assert rises([(1.0, 0), (1.1, 0), (1.2, 1), (1.3, 1), (1.4, 3)]) == [1.2, 1.4, 1.4]
    assert rises([]) == []


@pytest.mark.parametrize(("interval", "tries"), [(0.05, 1), (0.1, 2), (0.4, 4), (0.5, 5), (5.0, 8), (0.01, 1)])
def test_how_many_tries_it_takes_to_reach_an_interval(interval: float, tries: int) -> None:
    assert steps(interval) == tries
