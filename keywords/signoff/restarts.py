"""What a killed balancer leaves behind: every write it had taken is carried out or given up, once, and told truly."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count as counter

from .audit import receipt_findings
from .client import Write
from .contents import hold_exactly
from .database import Transaction
from .documents import Document, same
from .ledger import Kind
from .outcomes import Effect
from .polling import poll
from .process_faults import balancer_back, kill_balancer, undo_everything
from .testbed import ROLES, Testbed
from .traffic import SteadyWriter
from .verdict import CouldNotObserve
from .words import duration, sentences

_ENOUGH = 20
"""How many acknowledged writes there must be before each kill, and after it."""


@dataclass(frozen=True)
class Survived:
    """How a stream of writes came through the kills.

    Attributes:
        down: seconds from each kill until another process answered.
        writes, acknowledged, unknown: how many writes there were, and how they ended for their clients.
        logged: how many of the unknown ones were in the transaction log.
        seed: of the random phases.
    """

    down: tuple[float, ...]
    writes: int
    acknowledged: int
    unknown: int
    logged: int
    seed: int

    @property
    def words(self) -> str:
        """The figures, for the page."""
        return (
            f"up again {', '.join(duration(one) for one in self.down)} after each kill; of {self.writes} writes "
            f"{self.acknowledged} were acknowledged, and each of {self.unknown} with an unknown outcome is told truly "
            f"({self.logged} logged)"
        )


def kill_under_load(bed: Testbed, name: str, times: int, rate: float) -> Survived:
    """Kill the balancer several times while clients keep writing, and judge every write whose outcome is unknown.

    Raises:
        NotMet: if the balancer doesn't come back, a write stays unfinished, or the log and the instances disagree.
        CouldNotObserve: if no write was under way at any kill.
    """
    bed.require_faults()
    if times < 1:
        raise CouldNotObserve("the balancer has to be killed at least once")
    limits = bed.environment.limits
    seed = random.SystemRandom().randrange(1_000_000)
    chance = random.Random(seed)
    session = bed.session("killed")
    numbers = counter(1)
    tracked = bed.tracked(name)

    def send(kind: Kind, document: Document) -> Effect:
        return bed.write(f"{session}/{next(numbers)}", kind, name, [document]).effect

    writing = SteadyWriter(send, prefix=session, rate=rate, clients=16).start()
    down = []
    try:
        for _ in range(times):
            _wait_for_good(writing, time.monotonic(), limits.recovery_max)
            # Not a wait for anything: the kill has to meet any phase of a write.
            time.sleep(chance.uniform(0, 0.2))
            killed = kill_balancer(bed)
            down.append(balancer_back(bed, killed, limits.recovery_max))
        _wait_for_good(writing, time.monotonic(), limits.recovery_max)
    finally:
        try:
            writing.stop()
        finally:
            undo_everything(bed)
    writes = bed.writes(session)
    unknown = [write for write in writes if write.effect is Effect.UNKNOWN]
    if not unknown:
        raise CouldNotObserve(f"no write was under way at any of {times} kills, so nothing could get lost")
    logged = _told_truly(bed, tracked.name, unknown, limits.recovery_max)
    hold_exactly(bed, [name], ROLES, limits.sync_lag_max)
    acknowledged = sum(write.effect is Effect.DONE for write in writes)
    return Survived(tuple(down), len(writes), acknowledged, len(unknown), logged, seed)


def _wait_for_good(writing: SteadyWriter, since: float, within: timedelta) -> None:
    poll(
        lambda: sum(request.good and request.started >= since for request in writing.requests()),
        lambda number: number >= _ENOUGH,
        within=within,
        every=timedelta(milliseconds=20),
        what=f"{_ENOUGH} writes are acknowledged",
    )


def _told_truly(bed: Testbed, name: str, unknown: Sequence[Write], within: timedelta) -> int:
    """Wait until the log tells the truth about each write; return how many are logged."""
    logged = 0

    def look() -> list[str]:
        nonlocal logged
        rows: defaultdict[str, list[Transaction]] = defaultdict(list)
        for row in bed.database.transactions([write.session for write in unknown]):
            rows[row.client_session or ""].append(row)
        logged = sum(map(bool, rows.values()))
        contents = {role: bed.instance(role).read_documents(name) for role in ROLES}
        return [finding for write in unknown for finding in findings(write, rows[write.session], contents)]

    poll(
        look,
        lambda found: not found,
        within=within,
        every=timedelta(milliseconds=200),
        what=f"Each of {len(unknown)} writes with an unknown outcome is finished, and told truly",
        describe=lambda found: sentences(found) or "so",
    )
    return logged


def findings(write: Write, rows: Sequence[Transaction], contents: Mapping[str, Mapping[str, Document]]) -> list[str]:
    """Return how the log and the instances disagree about a write whose connection was lost, in words.

    A write that the balancer had not logged yet when it was killed has no row; then it must have no effect either.

    Args:
        write: a write of documents that nothing else was written to since.
        rows: the transactions with its session id.
        contents: all documents of its collection, by instance and id.
    """
    if rows or write.status is not None:
        return receipt_findings(write, rows, contents)
    found = []
    for role, documents in contents.items():
        for document in write.documents:
            wanted = None if write.action == "delete" else document
            if same(wanted, documents.get(document.id)):
                found.append(f"the {write.action} of {document.id} is nowhere in the log, and its effect on the {role}")
    return found
