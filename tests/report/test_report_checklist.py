"""The list of requirements: complete, in order, and strict about its files."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from signoff.report.checklist import BadChecklist, load_checklist

# Ids per part of the checklist, in the order of the page.
EXPECTED = {
    "HEALTH": 6,
    "MAP": 5,
    "DOC": 5,
    "WAL": 5,
    "FAIL": 10,
    "TXN": 5,
    "LB": 2,
    "SYNC": 4,
    "MON": 6,
    "PROD": 8,
}


def test_every_id_once_and_in_order() -> None:
    expected = [f"{part}-{number}" for part, count in EXPECTED.items() for number in range(1, count + 1)]
    assert [requirement.id for requirement in load_checklist()] == expected


def test_each_part_is_one_group() -> None:
    groups = [name for name, _ in groupby(load_checklist(), key=lambda requirement: requirement.group)]
    assert len(groups) == len(set(groups)) == len(EXPECTED)


def test_limits_have_the_contracts_values() -> None:
    failover = next(requirement for requirement in load_checklist() if requirement.id == "FAIL-3")
    assert [(limit.name, limit.value) for limit in failover.limits] == [("FAILOVER_MAX", "60 s")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must be a list of requirements"),
        ("a: [", "is not valid YAML"),
        ("- id: A-1\n  group: G\n  title: T", "lacks must_hold"),
        ("- id: A-1\n  group: G\n  title: T\n  must_hold: M\n  limit: X", "unknown key limit"),
        ("- id: A-1\n  group: G\n  title: T\n  must_hold: M\n  limits: [NO_SUCH]", "names the limit NO_SUCH"),
        ("- &r {id: A-1, group: G, title: T, must_hold: M}\n- *r", "has the requirement A-1 twice"),
        ("- just words", "must be a mapping"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "checklist.yaml"
    path.write_text(text)
    with pytest.raises(BadChecklist, match=complaint) as caught:
        load_checklist(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadChecklist, match="can't be read: No such file or directory"):
        load_checklist(tmp_path / "none.yaml")
