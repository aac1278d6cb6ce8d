"""The judgement of a history: all checkers, what they found, what they could not say, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from ..history import History
from ..report.judgement import Word
from ..verdict import Outcome, VerdictClass
from ..words import shortened
from . import (
    alerts,
    batches,
    collateral,
    convergence,
    gauge,
    mapping,
    protocol,
    queries,
    reads,
    receipts,
    recovery,
    soundness,
    status,
    values,
)
from .findings import Checked, Finding, Gap, unobserved
from .floor import Evidence, evidence
from .view import View


class Subject(Enum):
    """What a history can be judged for."""

    CONTENTS = "contents"
    """What the instances hold and clients read, the mapping, and what belongs to others."""
    RECEIPTS = "receipts"
    """What the transaction log says of each write."""
    GAUGE = "gauge"
    """The number of owed writes that the deployment shows."""
    STATUS = "status"
    """Which instances the deployment calls healthy."""
    RECOVERY = "recovery"
    """How soon work goes on after a fault."""
    ALERTS = "alerts"
    """What people were told of the instances."""


_CHECKS: tuple[tuple[Subject, str, Callable[[View], Checked]], ...] = (
    (Subject.CONTENTS, "batches", batches.check),
    (Subject.CONTENTS, "convergence", convergence.check),
    (Subject.CONTENTS, "mapping", mapping.check),
    (Subject.CONTENTS, "reads", reads.check),
    (Subject.CONTENTS, "queries", queries.check),
    (Subject.CONTENTS, "collateral", collateral.check),
    (Subject.CONTENTS, "protocol", protocol.check),
    (Subject.GAUGE, "gauge", gauge.check),
    (Subject.STATUS, "status", status.check),
    (Subject.RECOVERY, "recovery", recovery.check),
    (Subject.ALERTS, "alerts", alerts.check),
)


@dataclass(frozen=True)
class Judgement:
    """What a history proves.

    Attributes:
        findings: broken promises.
        apart: guarantees that are not promised and were not kept; they fail nothing.
        gaps: what could not be said.
        evidence: what all this rests on; None if the history could not be judged at all.
        resubmit: refused writes that the log accounts for; their clients have to send them again.
        claims: what there is to say of each subject: how many violations in how many of what, without a full stop.
    """

    findings: tuple[Finding, ...]
    apart: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    evidence: Evidence | None
    resubmit: tuple[str, ...] = ()
    by_subject: Mapping[Subject, Judgement] = field(default_factory=dict)
    claims: tuple[str, ...] = ()

    def about(self, subjects: Collection[Subject]) -> Judgement:
        """Return what the history proves about some subjects. What it rests on concerns them all."""
        own = [self.by_subject[subject] for subject in Subject if subject in subjects and subject in self.by_subject]
        if not own:
            return self
        shared = [gap for gap in self.gaps if not any(gap in one.gaps for one in self.by_subject.values())]
        return replace(
            self,
            findings=tuple(dict.fromkeys(finding for one in own for finding in one.findings)),
            apart=tuple(dict.fromkeys(finding for one in own for finding in one.apart)),
            gaps=tuple(dict.fromkeys([*shared, *(gap for one in own for gap in one.gaps)])),
            by_subject={},
            claims=tuple(claim for one in own for claim in one.claims),
        )

    @property
    def outcome(self) -> Outcome:
        """The one outcome: a broken promise stays one, whatever else could not be said."""
        if self.findings:
            return Outcome.NOT_MET
        said = {gap.outcome for gap in self.gaps}
        for outcome in (Outcome.COULD_NOT_BE_TESTED, Outcome.NOT_TESTED):
            if outcome in said:
                return outcome
        return Outcome.MET

    @property
    def word(self) -> Word:
        """The verdict; its exit code is the exit code of whoever judges."""
        return {Outcome.MET: Word.GO, Outcome.NOT_MET: Word.NO_GO}.get(self.outcome, Word.INCOMPLETE)

    @property
    def classes(self) -> frozenset[VerdictClass]:
        """The verdict classes of all findings, those reported apart included."""
        return frozenset(finding.verdict for finding in (*self.findings, *self.apart))


def judge_history(history: History) -> Judgement:
    """Return what a history proves.

    A checker that fails is a gap and never a pass. A history that breaks an assumption of the checkers is not judged.
    """
    unsound = _guarded("soundness", lambda: soundness.check(history))
    if unsound.gaps:
        return Judgement((), (), unsound.gaps, None)
    view = View(history)
    receipted = _guarded("receipts", lambda: receipts.check(view))
    checked = [
        (Subject.RECEIPTS, receipted),
        (Subject.CONTENTS, _guarded("values", lambda: values.check(view, receipted.explained))),
    ]
    for subject, name, check in _CHECKS:
        checked.append((subject, _guarded(name, lambda check=check: check(view))))  # type: ignore[misc]
    found, more = evidence(history)
    parts = {}
    for subject in Subject:
        own = [part for other, part in checked if other is subject]
        judged = _judgement(own, (), found, ())
        parts[subject] = replace(judged, claims=tuple(_claims(subject, own, judged)))
    claims = tuple(claim for one in parts.values() for claim in one.claims)
    whole = _judgement([part for _, part in checked], more, found, receipted.resubmit)
    return replace(whole, by_subject=parts, claims=claims)


def _claims(subject: Subject, checked: Sequence[Checked], judged: Judgement) -> Iterator[str]:
    """Yield what there is to say of a subject: of the contents, whose operations are all judged, and of the others'."""
    violations = len(judged.findings)
    if subject is Subject.CONTENTS and judged.evidence is not None:
        yield judged.evidence.sentence(violations).rstrip(".")
    for part in checked:
        if part.claim is not None:
            yield part.claim.sentence(violations)


def _judgement(
    checked: Sequence[Checked], more: Sequence[Gap], found: Evidence, resubmit: tuple[str, ...]
) -> Judgement:
    findings = tuple(dict.fromkeys(finding for part in checked for finding in part.findings))
    return Judgement(
        tuple(finding for finding in findings if finding.verdict.promised),
        tuple(finding for finding in findings if not finding.verdict.promised),
        tuple([*more, *(gap for part in checked for gap in part.gaps)]),
        found,
        resubmit,
    )


def _guarded(name: str, check: Callable[[], Checked]) -> Checked:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - a checker that fails has said nothing, and the others still can
        return Checked(
            gaps=(unobserved(f"The checker of {name} failed: {type(error).__name__} {shortened(str(error))}"),)
        )
