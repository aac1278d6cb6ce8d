"""Each check keyword's failure is worded as it was approved, and a change of wording is seen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from approval import COMMAND, Messages, approved_messages, check_keywords, messages_now, not_approved
from produced_messages import SCENES
from source_messages import Source
from stage import Stage, message_of

from signoff.verdict import Outcome

OUTCOMES = tuple(outcome.value.capitalize() + ": " for outcome in Outcome if outcome is not Outcome.MET)

PREMISES = {
    "FaultLibrary.Instance Should Be Unable To Write",
    "FaultLibrary.Phases Should Have Been Timed",
    "RenderLibrary.Instance Should Be Down",
    "SlackLibrary.Slack Should Have Been Deaf",
    "WorkloadLibrary.Workload Should Have Been Refused",
}
"""Check keywords that fail as "could not be tested": they only see to it that others can judge."""


@pytest.fixture(scope="module")
def now() -> Messages:
    return messages_now()


def test_every_message_is_approved(now: Messages) -> None:
    found = not_approved(approved_messages(), now)
    assert not found, f"{COMMAND} approves this, once you have read it:\n" + "\n".join(found)


def test_each_check_keyword_says_something(now: Messages) -> None:
    assert tuple(now) == check_keywords()
    assert [name for name, said in now.items() if not said["sentences"]] == []


def test_each_scene_is_of_a_check_keyword() -> None:
    assert set(SCENES) <= set(check_keywords())


@pytest.mark.parametrize("name", sorted(SCENES))
def test_a_scene_ends_in_what_its_keyword_judges(now: Messages, name: str) -> None:
    """A scene that is out of date ends before the keyword has looked: that it "could not be tested" is no example."""
    assert now[name]["message"].startswith("Not met: ") is (name not in PREMISES)


@pytest.mark.parametrize("name", sorted(SCENES))
def test_a_message_can_be_read(now: Messages, name: str) -> None:
    message = now[name]["message"]
    assert message.startswith(OUTCOMES)
    assert "\n" not in message
    for pattern in (r"\bNone\b(?! of)", "Traceback", "object at", "datetime", r"\{(?!\")", "<"):
        assert not re.search(pattern, message), pattern


def test_a_scene_that_does_not_fail_is_no_example() -> None:
    def nothing(stage: Stage) -> None: ...

    with pytest.raises(AssertionError, match="nothing did not fail"):
        message_of(nothing)


APPROVED: Messages = {"L.A Should B": {"message": "Not met: a", "sentences": ["a", "{n} b"]}}


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"L.A Should B": {"message": "Not met: c", "sentences": ["a", "{n} b"]}}, "says “Not met: c”; approved is"),
        ({"L.A Should B": {"sentences": ["a", "{n} b"]}}, "says “None”; approved is “Not met: a”"),
        ({"L.A Should B": {"message": "Not met: a", "sentences": ["a", "{n} c"]}}, "can say “{n} c”, which is not"),
        ({"L.A Should B": {"message": "Not met: a", "sentences": ["a"]}}, "can't say “{n} b” any more"),
        ({**APPROVED, "L.C Should D": {"sentences": ["e"]}}, "L.C Should D has no approved message"),
        ({}, "L.A Should B is approved, and is no check keyword any more"),
    ],
)
def test_a_change_is_named(said: dict[str, dict[str, Any]], complaint: str) -> None:
    assert any(complaint in sentence for sentence in not_approved(APPROVED, said))


def test_what_is_approved_is_not_named() -> None:
    assert not_approved(APPROVED, APPROVED) == []


LIBRARY = """
from signoff.checks import counting
from signoff.verdict import CouldNotObserve

class ProbeLibrary:
    def things_should_be_counted(self, number):
        counting.counted(self.bed, number)

    def premise_should_hold(self):
        raise CouldNotObserve(f"the {self.role} answers")

    def judgement_should_be_good(self):
        counting.judge(self.seen)

    def look(self):
        self.seen = counting.look()

    @keyword(name="The Count's Words", tags=["Check"])
    def words_of_the_count(self):
        raise NotMet(f"nothing is counted by {self.who}")

    @keyword(tags=["Check"])
    def joined_should_be_told(self, moves):
        raise NotMet("the beat " + (f"moved {count(moves, 'time')}" if moves else "did not move"))
"""

DOMAIN = """
from ..polling import poll
from ..verdict import NotMet
from ..words import count, duration, sentences
from .findings import Finding, VerdictClass

def counted(bed, number):
    found = []
    if number > 3:
        found.append(f"{number} things are there")
    if found:
        raise NotMet(sentences(found))
    words = f"{count(number, 'thing')} after {duration(bed.took)}"
    if number < 2:
        raise NotMet(VerdictClass.LOST, words if number else "there is nothing")
    poll(look, bool, within=bed.limit, what=f"Thing {number} comes")

def look():
    return [Finding(VerdictClass.LATE_REPLAY, f"Thing {n} came back") for n in (1, 2)]

def judge(seen):
    if seen:
        raise NotMet(f"{len(seen)} came back")

def unused():
    raise NotMet("nobody says this")
"""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "signoff" / "checks").mkdir(parents=True)
    (tmp_path / "ProbeLibrary.py").write_text(LIBRARY)
    (tmp_path / "signoff" / "checks" / "counting.py").write_text(DOMAIN)
    return Source(tmp_path)


class TestSource:
    """Sentences are found in the source, wherever they are put together."""

    def test_those_of_the_domain_module_with_blanks(self, source: Source) -> None:
        assert source.sentences_of("ProbeLibrary", "Things Should Be Counted") == [
            "LATE-REPLAY: Thing {n} came back",
            "LOST: there is nothing",
            "LOST: {number} thing(s) after {bed.took}",
            "Thing {number} comes: this was not so within {bed.limit}; last seen: {last}",
            "{found}",
            "{number} things are there",
        ]

    def test_a_premise_has_those_of_what_could_not_be_tested(self, source: Source) -> None:
        assert source.sentences_of("ProbeLibrary", "Premise Should Hold") == ["the {self.role} answers"]

    def test_a_keyword_is_found_by_the_name_it_was_given(self, source: Source) -> None:
        assert source.sentences_of("ProbeLibrary", "The Count's Words") == ["nothing is counted by {self.who}"]

    def test_words_that_are_joined_are_all_told(self, source: Source) -> None:
        found = source.sentences_of("ProbeLibrary", "Joined Should Be Told")
        assert found == ["the beat did not move", "the beat moved {moves} time(s)"]

    def test_what_an_earlier_keyword_has_left_is_followed(self, source: Source) -> None:
        found = source.sentences_of("ProbeLibrary", "Judgement Should Be Good")
        assert found == ["LATE-REPLAY: Thing {n} came back", "{len(seen)} came back"]
