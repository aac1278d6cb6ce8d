"""More requests at once than a deployment takes: each is served, or refused in time and without an effect."""

from __future__ import annotations

from dataclasses import dataclass

from ..clients.wire import Reply
from ..outcomes import Effect
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet
from ..words import duration, sentences


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
    found = []
    allowed = bed.environment.settings.request_timeout.total_seconds()
    for write in writes:
        if write.status not in (200, 201, 503) or not isinstance(write.answer, Reply):
            found.append(f"{write.session} was answered with {write.answer_in_words}")
        elif write.ended - write.started > allowed:
            found.append(f"{write.session} was answered after {duration(write.ended - write.started)}")
        elif write.status == 503 and write.effect is not Effect.NONE:
            found.append(f"{write.session} was refused without saying that it had no effect (X-Effect: none)")
        elif write.status == 503 and "retry-after" not in write.answer.headers:
            found.append(f"{write.session} was refused without saying when to come back (Retry-After)")
    if found:
        raise NotMet(sentences(found))
    refused = sum(write.status == 503 for write in writes)
    if refused < at_least:
        raise CouldNotObserve(f"{refused} of {len(writes)} writes at once were refused, and {at_least} are needed")
    return Overload(len(writes) - refused, refused, max(write.ended - write.started for write in writes))
