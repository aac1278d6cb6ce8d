"""What each requirement was seen to catch stands on the page, tied to the version of the suites."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from signoff.report.checklist import load_checklist
from signoff.report.data import RunFacts, as_json
from signoff.report.judgement import judge
from signoff.report.page import render_page
from signoff.report.proof import BadProof, Proof, find_proof, load_proof, suites_version

NOW = datetime(2026, 3, 1, 10, 0, 0).astimezone()
PROOF = Proof("0123456789ab", NOW, 4, 3, 2, 8, 0, {"DOC-1": ("Drops metadata.", "Loses documents.")})
FACTS = RunFacts(suites="0123456789ab")
SIGNOFF = judge(load_checklist(), [], [])


def write(path: Path, **changes: Any) -> Path:
    faults = [
        {"outcome": "caught", "sentence": "Drops metadata.", "requirements": ["DOC-1", "DOC-4"]},
        {"outcome": "wrong reason", "sentence": "Loses documents.", "requirements": ["DOC-1"]},
    ]
    content = {"version": 1, "suites": "0123456789ab", "finished": NOW.isoformat(), "known": 2, "faults": faults}
    path.write_text(json.dumps(content | {"variants": [{}], "false_alarms": 2} | changes))
    return path


def test_only_what_was_caught_counts(tmp_path: Path) -> None:
    proof = load_proof(write(tmp_path / "proof.json"))
    assert (proof.planted, proof.caught, proof.variants, proof.false_alarms) == (2, 1, 1, 2)
    assert proof.of("DOC-1") == ("Drops metadata.",)
    assert proof.of("DOC-4") == ("Drops metadata.",)
    assert proof.of("DOC-5") == ()


@pytest.mark.parametrize("changes", [{"version": 2}, {"suites": None, "finished": None}, {"faults": [{}]}])
def test_a_file_that_is_no_proof_is_refused_in_a_sentence(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = write(tmp_path / "proof.json", **changes)
    with pytest.raises(BadProof, match=r"is not a proof of this version; delete it, or run tox run -e proof\.$"):
        load_proof(path)


def test_the_proof_of_the_same_suites_comes_first_and_then_the_latest(tmp_path: Path) -> None:
    same = write(tmp_path / "same.json")
    later = write(tmp_path / "later.json", suites="b" * 12, finished=(NOW + timedelta(days=1)).isoformat())
    missing = tmp_path / "missing.json"
    for places in ([same, later, missing], [later, same]):
        found = find_proof("0123456789ab", places)
        assert found is not None
        assert found.suites == "0123456789ab"
    assert (found := find_proof("c" * 12, [same, later])) is not None
    assert found.suites == "b" * 12
    assert find_proof(None, [missing]) is None


def test_a_changed_suite_is_another_version_and_a_changed_note_is_not(tmp_path: Path) -> None:
    for room in ("suites", "resources", "keywords"):
        (tmp_path / room).mkdir()
    suite = tmp_path / "suites" / "one.robot"
    suite.write_text("*** Test Cases ***\n")
    first = suites_version(tmp_path)
    (tmp_path / "keywords" / "note.md").write_text("a note")
    assert suites_version(tmp_path) == first
    suite.write_text("*** Test Cases ***\nOne\n")
    second = suites_version(tmp_path)
    assert second != first
    suite.rename(tmp_path / "suites" / "two.robot")
    assert suites_version(tmp_path) not in (first, second)
    assert re.fullmatch(r"[0-9a-f]{12}", second)


def test_each_requirement_says_how_many_faults_it_has_caught() -> None:
    html = render_page(SIGNOFF, FACTS, proof=PROOF)
    assert "seen to fail: 2 planted faults" in html
    assert "Drops metadata." in html
    assert html.count("never seen to fail</span>") == len(load_checklist()) - 1
    assert "2 of 3 planted faults were caught (1 more are known and were not planted), and 0 false alarms" in html
    assert "with these suites" in html


def test_a_proof_of_other_suites_says_so() -> None:
    html = render_page(SIGNOFF, replace(FACTS, suites="b" * 12), proof=PROOF)
    assert "with another version of the suites" in html
    assert "with these suites" not in html


def test_without_a_proof_nothing_was_ever_seen_to_fail() -> None:
    html = render_page(SIGNOFF, FACTS)
    assert "nobody knows" in html
    assert html.count("never seen to fail</span>") == len(load_checklist())


def test_the_data_says_the_same() -> None:
    data = as_json(SIGNOFF, FACTS, PROOF)
    assert data["proof"]["of_this_version"] is True
    assert {row["id"]: len(row["seen_to_fail"]) for row in data["requirements"]}["DOC-1"] == 2
    assert as_json(SIGNOFF, FACTS)["proof"] is None
