"""A proof that was interrupted goes on; one of other suites begins anew."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from planted.proof.page import write_page
from planted.proof.record import Planted, Record, Varied, load, program_version, stands

ONE = Planted(
    *("balancer/blind_gauge", "Shows that nothing is owed, always.", "BLIND-GAUGE", "caught", "", ("BLIND-GAUGE",)),
    *(("WAL-2",), (), ("DOC-5",), 12.5, "abc", False),
)
GREEN = Varied("traditional", "There are no sync workers.", "green", (), ("DOC-1",), 30.0, "abc", False)


def a_record(file: Path) -> Record:
    record = load(file, 2)
    record.faults[ONE.name] = ONE
    record.variants[GREEN.name] = GREEN
    record.seconds = 42.0
    return record


def test_what_was_found_is_found_again(tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    record = a_record(file)
    record.save(file)
    assert load(file, 2) == record


def test_a_proof_of_other_suites_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    a_record(file).save(file)
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"suites": "0" * 12}))
    assert not load(file, 2).faults


def test_a_file_that_was_cut_off_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    a_record(file).save(file)
    file.write_text(file.read_text()[:100])
    assert not load(file, 2).faults


def test_a_result_stands_while_nothing_has_changed() -> None:
    assert stands(ONE, "abc", whole=False)
    assert not stands(None, "abc", whole=False)
    assert not stands(ONE, "abd", whole=False)
    assert not stands(ONE, "abc", whole=True)
    assert not stands(replace(ONE, outcome="not run"), "abc", whole=False)


def test_the_stack_alone_and_with_a_fault_are_two_programs() -> None:
    assert program_version() == program_version()
    assert len(program_version()) == 12


def test_only_a_complete_proof_without_alarms_is_clean() -> None:
    record = Record("v", 1, {ONE.name: ONE}, {GREEN.name: GREEN})
    assert record.clean
    assert record.sentence == "1 of 1 planted faults were caught; 0 false alarms, 1 correct variants."
    assert not replace(record, known=2).clean
    assert not replace(record, faults={ONE.name: replace(ONE, unrelated=("DOC-5",))}).clean
    assert not replace(record, faults={ONE.name: replace(ONE, outcome="missed")}).clean
    assert not replace(record, variants={GREEN.name: replace(GREEN, outcome="not run", alarms=("?",))}).clean


def test_the_matrix_shows_what_became_of_each(tmp_path: Path) -> None:
    page = tmp_path / "proof.html"
    missed = replace(ONE, name="wire/loses", outcome="missed", why="DOC-1 was <met>", requirements=())
    record = Record("v", 2, {ONE.name: ONE, missed.name: missed}, {GREEN.name: GREEN})
    write_page(record, page)
    html = page.read_text()
    assert "blind_gauge" in html
    assert "DOC-1 was &lt;met&gt;" in html
    assert 'title="balancer/blind_gauge, WAL-2">●' in html
    assert 'title="balancer/blind_gauge, DOC-5">✓' in html
