"""Messages name the class of each finding, and the classes are read back from the words alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.places import ROOT
from signoff.verdict import NotMet, VerdictClass, outcome_of_message, summed_up, verdict_classes
from signoff.words import sentences, shortened

LOST, STALE, MANGLED = VerdictClass.LOST, VerdictClass.STALE, VerdictClass.MANGLED

classes = st.sampled_from(VerdictClass)
plain = st.text("abcdefghij 0123456789-.()", min_size=1, max_size=30)
findings = st.lists(st.tuples(classes, plain), max_size=8)
texts = st.one_of(
    st.text(max_size=120),
    st.lists(
        st.one_of(st.sampled_from([*(f"; {one.value}: " for one in VerdictClass), '"', "\\", "…"]), st.text())
    ).map("".join),
)


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("Not met: LOST: document d17 was added and is missing", [LOST]),
        ("c1 holds all: this was not so within 5 s; last seen: LOST: document a; MANGLED: document b", [LOST, MANGLED]),
        ("Not met: 3 violations (2 LOST, 1 STALE): LOST: document a is missing; STALE: a read", [LOST, STALE]),
        ("Not met: 3 violations (2 STALE, 1 LOST)", [STALE, LOST]),
        ("Not met: with traditional sync: DOC-1, The workflow: MANGLED: document a differs", [MANGLED]),
        ("of 10 owed documents: LOST: documents 0 to 3 are in no task; DUPLICATED: documents 5 to 6", None),
        ("LOST: a · STALE: b", [LOST, STALE]),
        ("LOST: a\nSTALE: b", [LOST, STALE]),
        ("Not met: ALERT-WRONG: a message names no instance", [VerdictClass.ALERT_WRONG]),
        ("Not met: NOT-LOST: nobody says so", []),
        ("Not met: the document was LOST", []),
        ("Not met: it is LOST: so it says", []),
        ("Not met: 3 (LOST) and 2 documents", []),
        ("Not met: lost: in small letters", []),
        ('MANGLED: document a differs: text is "x; LOST: y" instead of "STALE: z"', [MANGLED]),
        ('MANGLED: text is "say \\"LOST: \\" again" instead of "z"; STALE: a read', [MANGLED, STALE]),
        ("", []),
    ],
)
def test_a_class_is_its_word_before_a_finding(message: str, named: list[VerdictClass] | None) -> None:
    assert verdict_classes(message) == tuple([LOST, VerdictClass.DUPLICATED] if named is None else named)


@given(findings, st.sampled_from(["", "last seen: ", "of 10 owed documents: "]))
def test_every_class_that_is_said_is_read_back_in_its_order(said: list[tuple[VerdictClass, str]], before: str) -> None:
    message = str(NotMet(before + sentences([one.says(words) for one, words in said], len(said))))
    assert verdict_classes(message) == tuple(dict.fromkeys(one for one, _ in said))


@given(texts)
def test_a_quoted_text_names_no_class_whatever_it_says(text: str) -> None:
    said = f"text is {json.dumps(text, ensure_ascii=False)} instead of {json.dumps(text)}"
    assert verdict_classes(MANGLED.says(f"document a differs: {said}; STALE: a read")) == (MANGLED, STALE)


@given(texts, st.integers(2, 100))
def test_a_quotation_that_is_cut_hides_nothing_behind_it(text: str, most: int) -> None:
    said = shortened(json.dumps({"text": text}, ensure_ascii=False), most)
    assert len(said) <= most
    assert verdict_classes(f"MANGLED: document a differs: metadata is {said}; STALE: a read") == (MANGLED, STALE)


@given(st.text())
def test_only_what_is_written_is_named(message: str) -> None:
    assert all(f"{one.value}:" in message or f" {one.value}" in message for one in verdict_classes(message))


@given(findings, st.integers(1, 5))
def test_a_summary_leaves_no_class_out(said: list[tuple[VerdictClass, str]], most: int) -> None:
    written = [one.says(words) for one, words in said]
    message = summed_up(written, most)
    assert set(verdict_classes(message)) == {one for one, _ in said}
    assert len(written) > most or sorted(message.split("; ")) == sorted(written or [""])


def test_a_class_does_not_hide_the_outcome() -> None:
    error = NotMet(LOST.says("document d17 is missing"))
    assert str(error) == "Not met: LOST: document d17 is missing"
    assert outcome_of_message(str(error)) is NotMet.outcome


def test_every_class_that_can_fail_a_test_is_in_the_documentation() -> None:
    table = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8").partition("| class | what was seen |")[2]
    named = {word for line in table.splitlines() if line.startswith("| ") for word in line.split("|")[1].split(", ")}
    assert {word.strip() for word in named} == {one.value for one in VerdictClass if one.promised}
