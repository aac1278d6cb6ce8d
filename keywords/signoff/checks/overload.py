"""More requests at once than a deployment takes: each is served, or refused in time and without an effect."""

from __future__ import annotations

from dataclasses import dataclass

from ..clients.client import Write
from ..clients.wire import Reply
from ..outcomes import Effect
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass, summed_up
from ..words import duration


@dataclass(frozen=True)
class Overload:
    """How many writes were served, and how many refused, and the seconds that the slowest answer took."""

    served: int
    refused: int
    slowest: float


def judge(bed: Testbed, session: str, at_least: int) -> Overload:
    """Check how the writes of a session were answered.

    Args:
        at_least: how many must have been refused, so that there was an overload.

    Raises:
        NotMet: if one was answered otherwise than served or refused, or too late.
        CouldNotObserve: if too few were refused.
    """
    writes = bed.writes(session)
    found = [wrong for write in writes for wrong in _findings(bed, write)]
    found += [
        VerdictClass.PROTOCOL.says(f"{write.session} was refused without saying when to come back (Retry-After)")
        for write in writes
        if write.status == 503 and isinstance(write.answer, Reply) and "retry-after" not in write.answer.headers
    ]
    if found:
        raise NotMet(summed_up(found))
    refused = sum(write.status == 503 for write in writes)
    if refused < at_least:
        raise CouldNotObserve(f"{refused} of {len(writes)} writes at once were refused, and {at_least} are needed")
    return Overload(len(writes) - refused, refused, max(write.ended - write.started for write in writes))


def refused_at_once(bed: Testbed, session: str) -> float:
    """Check that each write of a session was refused in time, with the word that it had no effect.

    Returns:
        The seconds that the slowest refusal took.

    Raises:
        NotMet: if one wasn't.
        CouldNotObserve: if there is none.
    """
    writes = bed.writes(session)
    if not writes:
        raise CouldNotObserve(f"there are no writes {session}")
    found = [wrong for write in writes for wrong in _findings(bed, write)]
    found += [
        VerdictClass.PROTOCOL.says(f"{write.session} was answered with {write.status} instead of a refusal")
        for write in writes
        if write.status in (200, 201)
    ]
    if found:
        raise NotMet(summed_up(found))
    return max(write.ended - write.started for write in writes)


def _findings(bed: Testbed, write: Write) -> list[str]:
    """What is wrong with the answer to one write, in words with its class."""
    allowed = bed.environment.settings.request_timeout.total_seconds()
    if write.status not in (200, 201, 503):
        return [VerdictClass.PROTOCOL.says(f"{write.session} was answered with {write.answer_in_words}")]
    if write.ended - write.started > allowed:
        late = f"{write.session} was answered after {duration(write.ended - write.started)}"
        return [VerdictClass.TOO_SLOW.says(late)]
    if write.status == 503 and write.effect is not Effect.NONE:
        silent = f"{write.session} was refused without saying that it had no effect (X-Effect: none)"
        return [VerdictClass.PROTOCOL.says(silent)]
    return []
