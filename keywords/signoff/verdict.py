"""The four outcomes of a requirement, the classes of what is wrong, and the exceptions that carry them.

A test's outcome has to survive Robot Framework, pabot's merge and a reader's eye. All three keep one thing
unchanged: the words of the failure message. So each exception here starts its message with the words of its outcome,
and :func:`outcome_of_message` reads them back. In the same way each finding begins with its class, and
:func:`verdict_classes` reads that back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from .words import sentences


class Outcome(Enum):
    """What can be said of a requirement, in the words of the sign-off page."""

    MET = "met"
    NOT_MET = "not met"
    NOT_TESTED = "not tested"
    COULD_NOT_BE_TESTED = "could not be tested"


class VerdictClass(Enum):
    """What is wrong, in one word. It stands before the finding that it classifies: "LOST: document d17 …"."""

    LOST = "LOST"
    """Acknowledged, and not there."""
    ROLLED_BACK = "ROLLED-BACK"
    """An earlier content is there again."""
    RESURRECTED = "RESURRECTED"
    """Deleted, and there again."""
    LATE_REPLAY = "LATE-REPLAY"
    """A write took effect after its client had seen it fail and had done something else."""
    PHANTOM = "PHANTOM"
    """There, and never written: nobody sent it, or it was refused."""
    CROSSED = "CROSSED"
    """Written, but to another place."""
    MANGLED = "MANGLED"
    """A field differs from what was written."""
    PARTIAL = "PARTIAL"
    """Only a part of one request took effect."""
    DIVERGED = "DIVERGED"
    """The instances differ, and nothing is said to be owed."""
    NOT_CONVERGED = "NOT-CONVERGED"
    """Writes are still owed at the end."""
    DUPLICATED = "DUPLICATED"
    """There twice."""
    STALE = "STALE"
    """A read gave what was long overwritten."""
    UNLOGGED = "UNLOGGED"
    """A write without a transaction, or without a row in the log."""
    FALSE_RECEIPT = "FALSE-RECEIPT"
    """The log says done, and it is not, or it contradicts itself."""
    FALSE_DENIAL = "FALSE-DENIAL"
    """The log says not done, and it is."""
    GHOST = "GHOST"
    """A refused write took effect, and the log knows nothing of it."""
    STUCK = "STUCK"
    """A transaction, or a task, does not end."""
    BLIND_GAUGE = "BLIND-GAUGE"
    """The gauge shows nothing while writes are owed."""
    LYING_STATUS = "LYING-STATUS"
    """The status says otherwise than the instance, or the worker, itself."""
    BAD_MAPPING = "BAD-MAPPING"
    """The collection mapping is no bijection of the instances' own ids."""
    COLLATERAL = "COLLATERAL"
    """A collection that is not ours was changed."""
    WRONG_ANSWER = "WRONG-ANSWER"
    """A query was not answered with the nearest documents, nearest first, or a read with others than it asks for."""
    SLOW_FAILOVER = "SLOW-FAILOVER"
    """Work did not go on in time after a fault."""
    ALERT_MISSING = "ALERT-MISSING"
    """An outage, or its end, was not told to people in time."""
    ALERT_DUPLICATE = "ALERT-DUPLICATE"
    """It was told more than once."""
    ALERT_WRONG = "ALERT-WRONG"
    """Something was told that did not happen, or not to this instance."""
    PROTOCOL = "PROTOCOL"
    """An answer that says success and is none, or another one than is due."""
    UNAVAILABLE = "UNAVAILABLE"
    """Nothing was broken, and work was not done: a write not acknowledged, a read not answered."""
    MISCOUNTED = "MISCOUNTED"
    """A counter shows something else than what was done."""
    TOO_SLOW = "TOO-SLOW"
    """It took longer, or there was less of it in a second, than is allowed."""
    IGNORED_SETTING = "IGNORED-SETTING"
    """A setting has no effect, or one that can't be used is not refused as it should be."""
    BAD_SCHEMA = "BAD-SCHEMA"
    """A table, a column or a value in the database is not what the contract says."""
    NO_MEASUREMENT = "NO-MEASUREMENT"
    """The monitor measures nothing, or what can't be true."""
    WRONG_ADVICE = "WRONG-ADVICE"
    """A larger plan was not recommended when it was due, or when it was not, or wrongly."""
    LEAKED_SECRET = "LEAKED-SECRET"
    """A credential was shown."""
    OVER_BUDGET = "OVER-BUDGET"
    """It costs more, or takes more room, than there is."""
    LEFT_BEHIND = "LEFT-BEHIND"
    """A test, or a run, left something that it had to clean up or to mend."""
    UNGUARDED = "UNGUARDED"
    """The tool itself did what it must not, or did not say what it must."""
    MONOTONIC_READS = "MONOTONIC-READS"
    """A client read an earlier state than it had read before. Not promised, so reported apart."""
    READ_YOUR_WRITES = "READ-YOUR-WRITES"
    """A client did not read its own write. Not promised, so reported apart."""

    def says(self, finding: str) -> str:
        """Return a finding with its class before it: "LOST: document d17 is missing"."""
        return f"{self.value}: {finding}"

    @property
    def promised(self) -> bool:
        """Whether it breaks a promise; otherwise it is reported apart and fails nothing."""
        return self not in (VerdictClass.MONOTONIC_READS, VerdictClass.READ_YOUR_WRITES)


class VerdictError(Exception):
    """Base of the exceptions that say an outcome in their first words.

    Args:
        sentence: what was seen, in words a release manager understands.
    """

    ROBOT_SUPPRESS_NAME = True
    outcome: Outcome

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(f"{self.outcome.value.capitalize()}: {sentence}")


class NotMet(VerdictError, AssertionError):
    """The deployment was observed, and it does not do what is required. What is wrong begins with its class."""

    outcome = Outcome.NOT_MET


class CouldNotObserve(VerdictError):
    """Nothing can be said: an observation failed, or the scenario's premise was never given.

    It is never evidence of absence.
    """

    outcome = Outcome.COULD_NOT_BE_TESTED


class NotTested(VerdictError):
    """The environment does not offer what the test needs; Robot Framework reports the test as skipped."""

    ROBOT_SKIP_EXECUTION = True
    outcome = Outcome.NOT_TESTED


def outcome_of_message(message: str) -> Outcome | None:
    """Return the outcome that a failure message states, or None if it states none.

    Args:
        message: a Robot Framework test message; it may join several failures, one paragraph each.

    A message that states several outcomes gives "not met" first: an observed misbehaviour stays one,
    whatever else went wrong.
    """
    stated = {
        outcome
        for outcome in Outcome
        for line in message.splitlines()
        if line.strip().removeprefix("Setup failed: ").lower().startswith(outcome.value + ": ")
    }
    for outcome in (Outcome.NOT_MET, Outcome.COULD_NOT_BE_TESTED, Outcome.NOT_TESTED):
        if outcome in stated:
            return outcome
    return None


# What others wrote is quoted in messages: a document's text, the body of an answer. It classifies nothing.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_WORD = "|".join(re.escape(one.value) for one in VerdictClass)
_BEFORE_A_FINDING = re.compile(rf"(?:^|(?<=[:;·] ))(?:{_WORD})(?=: )", re.MULTILINE)
_TALLY = re.compile(rf"\(\d+ (?:{_WORD})(?:, \d+ (?:{_WORD}))*\)")
_IN_A_TALLY = re.compile(rf"(?<=\d )(?:{_WORD})(?=[,)])")


def verdict_classes(message: str) -> tuple[VerdictClass, ...]:
    """Return the classes that a message names, in the order in which they first appear.

    Args:
        message: of a failure, with or without the words of its outcome.

    A class is named by its word and a colon where a finding begins ("last seen: LOST: document d17 …; STALE: …"), or
    in a tally ("3 violations (2 LOST, 1 STALE)"). What is quoted names none.
    """
    words = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), message)
    named = [(one.start(), one[0]) for one in _BEFORE_A_FINDING.finditer(words)]
    for tally in _TALLY.finditer(words):
        named += [(tally.start() + one.start(), one[0]) for one in _IN_A_TALLY.finditer(tally[0])]
    return tuple(dict.fromkeys(VerdictClass(word) for _, word in sorted(named)))


def summed_up(findings: Sequence[str], most: int = 4) -> str:
    """Return the first few findings as a sentence that names each class at least once.

    Args:
        findings: without a full stop, each with its class before it, or none.
        most: how many of them to give; more, if there are more classes.
    """
    first = {verdict_classes(finding)[:1]: finding for finding in reversed(findings)}
    leading = sorted(first.values(), key=findings.index)
    rest = list(findings)
    for finding in leading:
        rest.remove(finding)
    return sentences([*leading, *rest], max(most, len(leading)))
