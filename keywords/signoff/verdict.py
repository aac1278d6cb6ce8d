"""The four outcomes of a requirement, and the exceptions that carry them.

A test's outcome has to survive Robot Framework, pabot's merge and a reader's eye. All three keep one thing
unchanged: the words of the failure message. So each exception here starts its message with the words of its outcome,
and :func:`outcome_of_message` reads them back.
"""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """What can be said of a requirement, in the words of the sign-off page."""

    MET = "met"
    NOT_MET = "not met"
    NOT_TESTED = "not tested"
    COULD_NOT_BE_TESTED = "could not be tested"


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
    """The deployment was observed, and it does not do what is required."""

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
