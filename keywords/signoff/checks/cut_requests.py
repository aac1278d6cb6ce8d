"""A request that is under way when the instance that carries it out is killed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

from ..clients.client import Write
from ..documents import make_documents
from ..faults.processes import crash
from ..faults.proxies import Toxic, hits, toxic
from ..ledger import Kind
from ..polling import poll
from ..testbed import ROLES, Testbed
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count, duration
from .load import write_at_once

_HELD = timedelta(seconds=2)
"""How long a write is held on its way to each instance: longer than it takes to kill one and to prove that."""
_ARRIVES_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True)
class Cut:
    """A write, and the moment at which an instance was killed, in seconds of the monotonic clock."""

    write: Write
    killed: float

    @property
    def under_way(self) -> bool:
        """Whether the write had begun and was not answered when the instance was killed."""
        return self.write.started < self.killed < self.write.ended


def kill_during_a_write(bed: Testbed, name: str, role: str, documents: int) -> Cut:
    """Add documents in one request, and kill an instance while the request waits on its way to each of them.

    Raises:
        NotTested: if there is no proxy that could hold it.
        CouldNotObserve: if the request was not under way when the instance was killed.
    """
    session = bed.session("cut")
    new = make_documents(session, documents, token="cut")
    held = Toxic("held", "latency", {"latency": round(_HELD.total_seconds() * 1000)}, path="/add")
    with ExitStack() as stack, ThreadPoolExecutor(1, thread_name_prefix="client") as client:
        for one in ROLES:
            stack.enter_context(toxic(bed, one, held))
        writing = client.submit(bed.write, session, Kind.ADD, name, new)
        try:
            poll(
                lambda: hits(bed, role, held.name).met,
                bool,
                within=_ARRIVES_WITHIN,
                every=timedelta(milliseconds=5),
                what=f"The write is on its way to the {role}",
                describe=lambda met: f"{count(met, 'request')} held",
            )
        except NotMet as error:
            raise CouldNotObserve(error.sentence) from None
        crash(bed, role)
        killed = bed.faults.effective_at
        cut = Cut(writing.result(), killed if killed is not None else 0.0)
    if not cut.under_way:
        raise CouldNotObserve(f"the write was not under way when the {role} was killed")
    return cut


def kill_during_a_burst(bed: Testbed, name: str, role: str, writes: int, clients: int) -> str:
    """Kill an instance in the middle of many adds, each of its own document; return what their sessions begin with.

    Raises:
        CouldNotObserve: if it wasn't in their middle.
    """
    session = bed.session("burst")

    def done() -> int:
        return len(bed.writes(session))

    with ThreadPoolExecutor(1, thread_name_prefix="burst") as client:
        writing = client.submit(write_at_once, bed, name, writes, clients, False, session)
        # Until a third is done; it ends with the burst, however that ends.
        while done() < writes // 3 and not writing.done():
            time.sleep(0.002)
        crash(bed, role)
        writing.result()
    killed = bed.faults.effective_at or 0.0
    before = sum(write.ended < killed for write in bed.writes(session))
    after = sum(write.started > killed for write in bed.writes(session))
    if not (before and after):
        raise CouldNotObserve(f"{before} adds had ended before the {role} was killed, and {after} began afterwards")
    return session


def answered_rightly(bed: Testbed, cut: Cut) -> str:
    """Check how a write that was cut was answered: acknowledged or refused with 503, and in time.

    Raises:
        NotMet: if not.
    """
    took, allowed = cut.write.ended - cut.write.started, bed.environment.settings.request_timeout
    if cut.write.status not in (200, 201, 503):
        raise NotMet(VerdictClass.PROTOCOL.says(f"a write that was cut was answered with {cut.write.answer_in_words}"))
    if took > allowed.total_seconds():
        late = f"a write that was cut was answered after {duration(took)}; allowed are {duration(allowed)}"
        raise NotMet(VerdictClass.TOO_SLOW.says(late))
    ago = duration(cut.killed - cut.write.started)
    return f"a write that had been under way for {ago} was answered {cut.write.status} after {duration(took)}"
