"""What a run of the proof is told by its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from planted.proof.run import _environment


@pytest.fixture(autouse=True)
def _told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNOFF_RESULTS", "/elsewhere")
    monkeypatch.setenv("SIGNOFF_ENVIRONMENT", "hosted")
    monkeypatch.setenv("TMPDIR", "/somewhere")


def test_it_tests_the_local_stack_whatever_the_proof_was_told() -> None:
    assert {name for name in _environment(None) if name.startswith("SIGNOFF_")} == set()
    assert _environment(None)["TMPDIR"] == "/somewhere"


def test_it_has_locks_of_its_own_where_it_looks_at_a_part_only(tmp_path: Path) -> None:
    assert {name for name in _environment(tmp_path) if name.startswith("SIGNOFF_")} == {"SIGNOFF_RESULTS"}
    assert _environment(tmp_path)["SIGNOFF_RESULTS"] == str(tmp_path)
