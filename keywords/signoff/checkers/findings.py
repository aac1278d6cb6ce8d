"""What a checker can say: findings with their verdict class, and gaps where nothing can be said."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..data_types import Role
from ..verdict import Outcome, VerdictClass
from .claims import Claim
from .registers import Register


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        sentence: in words a release manager understands.
        operations: the ids of the operations that prove it.
    """

    verdict: VerdictClass
    sentence: str
    operations: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.verdict.says(self.sentence)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that can't be said. ``outcome`` is NOT_TESTED or COULD_NOT_BE_TESTED."""

    outcome: Outcome
    sentence: str


def untested(sentence: str) -> Gap:
    """Return a gap where nobody looked."""
    return Gap(Outcome.NOT_TESTED, sentence)


def unobserved(sentence: str) -> Gap:
    """Return a gap where looking failed."""
    return Gap(Outcome.COULD_NOT_BE_TESTED, sentence)


@dataclass(frozen=True, slots=True)
class Checked:
    """What one checker says.

    Attributes:
        explained: registers whose content at the end a finding already explains, with the instance.
        resubmit: refused writes that the log accounts for; their clients have to send them again.
        claim: how many things it has judged; None if it judges operations.
    """

    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()
    explained: frozenset[tuple[Register, Role]] = field(default_factory=frozenset)
    resubmit: tuple[str, ...] = ()
    claim: Claim | None = None
