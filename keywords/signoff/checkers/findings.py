"""What a checker can say: findings with their verdict class, and gaps where nothing can be said."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ..data_types import Role
from ..verdict import Outcome
from .registers import Register


class VerdictClass(Enum):
    """What is wrong, in one word."""

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
    """A write without a transaction."""
    FALSE_RECEIPT = "FALSE-RECEIPT"
    """The log says done, and it is not."""
    FALSE_DENIAL = "FALSE-DENIAL"
    """The log says not done, and it is."""
    GHOST = "GHOST"
    """A refused write took effect, and the log knows nothing of it."""
    STUCK = "STUCK"
    """A transaction does not end."""
    BLIND_GAUGE = "BLIND-GAUGE"
    """The gauge shows nothing while writes are owed."""
    LYING_STATUS = "LYING-STATUS"
    """The status says otherwise than the instance itself."""
    BAD_MAPPING = "BAD-MAPPING"
    """The collection mapping is no bijection of the instances' own ids."""
    COLLATERAL = "COLLATERAL"
    """A collection that is not ours was changed."""
    WRONG_ANSWER = "WRONG-ANSWER"
    """A query was not answered with the nearest documents, nearest first."""
    SLOW_FAILOVER = "SLOW-FAILOVER"
    """Work did not go on in time after a fault."""
    ALERT_MISSING = "ALERT-MISSING"
    """An outage, or its end, was not told to people in time."""
    ALERT_DUPLICATE = "ALERT-DUPLICATE"
    """It was told more than once."""
    ALERT_WRONG = "ALERT-WRONG"
    """Something was told that did not happen, or not to this instance."""
    PROTOCOL = "PROTOCOL"
    """An answer that says success and is none."""
    MONOTONIC_READS = "MONOTONIC-READS"
    """A client read an earlier state than it had read before. Not promised, so reported apart."""
    READ_YOUR_WRITES = "READ-YOUR-WRITES"
    """A client did not read its own write. Not promised, so reported apart."""

    @property
    def promised(self) -> bool:
        """Whether it breaks a promise; otherwise it is reported apart and fails nothing."""
        return self not in (VerdictClass.MONOTONIC_READS, VerdictClass.READ_YOUR_WRITES)


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
        return f"{self.verdict.value}: {self.sentence}"


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
    """

    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()
    explained: frozenset[tuple[Register, Role]] = field(default_factory=frozenset)
    resubmit: tuple[str, ...] = ()
