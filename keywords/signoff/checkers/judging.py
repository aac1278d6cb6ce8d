"""The judgement of a history: all checkers, what they found, what they could not say, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..history import History
from ..report.judgement import Word
from ..verdict import Outcome
from ..words import shortened
from . import (
    batches,
    collateral,
    convergence,
    gauge,
    mapping,
    protocol,
    reads,
    receipts,
    soundness,
    status,
    values,
)
from .findings import Checked, Finding, Gap, VerdictClass, unobserved
from .floor import Evidence, evidence
from .view import View

_CHECKS: tuple[tuple[str, Callable[[View], Checked]], ...] = (
    ("batches", batches.check),
    ("convergence", convergence.check),
    ("mapping", mapping.check),
    ("gauge", gauge.check),
    ("status", status.check),
    ("reads", reads.check),
    ("collateral", collateral.check),
    ("protocol", protocol.check),
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
    """

    findings: tuple[Finding, ...]
    apart: tuple[Finding, ...]
    gaps: tuple[Gap, ...]
    evidence: Evidence | None
    resubmit: tuple[str, ...] = ()

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
    checked = [receipted, _guarded("values", lambda: values.check(view, receipted.explained))]
    for name, check in _CHECKS:
        checked.append(_guarded(name, lambda check=check: check(view)))  # type: ignore[misc]
    findings = tuple(dict.fromkeys(finding for part in checked for finding in part.findings))
    found, more = evidence(history)
    gaps = [*more, *(gap for part in checked for gap in part.gaps)]
    return Judgement(
        tuple(finding for finding in findings if finding.verdict.promised),
        tuple(finding for finding in findings if not finding.verdict.promised),
        tuple(gaps),
        found,
        receipted.resubmit,
    )


def _guarded(name: str, check: Callable[[], Checked]) -> Checked:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - a checker that fails has said nothing, and the others still can
        return Checked(
            gaps=(unobserved(f"The checker of {name} failed: {type(error).__name__} {shortened(str(error))}"),)
        )
