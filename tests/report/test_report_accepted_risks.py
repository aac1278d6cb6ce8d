"""The list of accepted risks: strict about its file, one sentence for each mistake in it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from signoff.__main__ import main
from signoff.report.accepted_risks import AcceptedRisk, BadAcceptedRisks, load_accepted_risks
from signoff.report.checklist import load_checklist
from signoff.runner import run

IDS = {"A-1", "A-2"}
GOOD = "{id: A-1, reason: Nobody has a second region., accepted_by: Ann, until: 2027-03-31}"


def loaded(tmp_path: Path, text: str) -> tuple[AcceptedRisk, ...]:
    path = tmp_path / "accepted_risks.yaml"
    path.write_text(text)
    return load_accepted_risks(IDS, path)


def test_the_projects_own_list_can_be_used() -> None:
    ids = {requirement.id for requirement in load_checklist()}
    assert {risk.id for risk in load_accepted_risks(ids)} <= ids


@pytest.mark.parametrize("text", ["", "[]", "# nothing but words"])
def test_it_may_be_empty(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text) == ()


@pytest.mark.parametrize("until", ["2027-03-31", "'2027-03-31'"])
def test_an_entry_in_words(tmp_path: Path, until: str) -> None:
    (risk,) = loaded(tmp_path, f"- {GOOD.replace('2027-03-31', until)}")
    assert risk == AcceptedRisk("A-1", "Nobody has a second region.", "Ann", date(2027, 3, 31))
    assert risk.words == "accepted by Ann until 2027-03-31: Nobody has a second region"


def test_its_last_day_belongs_to_it(tmp_path: Path) -> None:
    (risk,) = loaded(tmp_path, f"- {GOOD}")
    assert not risk.is_past(date(2027, 3, 31))
    assert risk.is_past(date(2027, 4, 1))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "is not valid YAML"),
        ("id: A-1", "must be a list of accepted risks"),
        ("- A-1", "Entry 1 of .* must be a mapping with id, reason, accepted_by, until"),
        ("- {id: A-1, reason: R, accepted_by: Ann}", "Entry 1 of .* lacks until"),
        ("- {id: A-1, reason: '', accepted_by: Ann, until: 2027-03-31}", "lacks reason"),
        ("- {id: A-1, reason: R, accepted_by: , until: 2027-03-31}", "lacks accepted_by"),
        (f"- {GOOD[:-1]}, by: Ann}}", "has the unknown key by"),
        ("- {id: A-1, reason: '  ', accepted_by: Ann, until: 2027-03-31}", "as its reason, where words are needed"),
        ("- {id: 7, reason: R, accepted_by: Ann, until: 2027-03-31}", "has 7 as its id, where words are needed"),
        ("- {id: A-9, reason: R, accepted_by: Ann, until: 2027-03-31}", "A-9, which is not in the checklist"),
        (f"- {GOOD}\n- {GOOD}", "accepts the risk of A-1 twice"),
        ("- {id: A-1, reason: R, accepted_by: Ann, until: next spring}", "until next spring, which is not a day like"),
        ("- {id: A-1, reason: R, accepted_by: Ann, until: 2027}", "until 2027, which is not a day like"),
        ("- {id: A-1, reason: R, accepted_by: Ann, until: 2027-03-31 10:00:00}", "10:00:00, which is not a day like"),
        ("- {id: A-1, reason: R, accepted_by: Ann, until: 2027-02-30}", "is not valid YAML: day is out of range"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(BadAcceptedRisks, match=complaint) as caught:
        loaded(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert "accepted_risks.yaml" in str(caught.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadAcceptedRisks, match=r"can't be read: No such file or directory; .* an empty list"):
        load_accepted_risks(IDS, tmp_path / "none.yaml")


def test_a_mistake_is_told_before_anything_is_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(requirements: set[str]) -> tuple[AcceptedRisk, ...]:
        return loaded(tmp_path, "- A-1")

    monkeypatch.setattr(run, "load_accepted_risks", broken)
    assert main(["--results", str(tmp_path / "results")]) == 2
    assert "must be a mapping with id, reason, accepted_by, until." in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
