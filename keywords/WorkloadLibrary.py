"""Clients at work across a fault, everything they saw as a history, and the judgement of it."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from robot.api import logger
from robot.api.deco import keyword, library
from robot.libraries.BuiltIn import BuiltIn

from evidence import picture, record
from signoff.checkers.judging import Judgement, Subject, judge_history
from signoff.checkers.recovery import Recovery, recoveries
from signoff.data_types import Failing, Role
from signoff.faults.outages import OUTAGES
from signoff.history import Action, History, Result
from signoff.places import RUN_FOLDER
from signoff.recheck import told
from signoff.testbed import current
from signoff.traffic import distribution, most_at_once
from signoff.verdict import CouldNotObserve, NotMet, NotTested, Outcome, summed_up
from signoff.words import count, duration, sentences
from signoff.workload import repeats
from signoff.workload.timeline import draw
from signoff.workload.workload import Wanted, Workload


@library(scope="GLOBAL", version="1.0", doc_format="ROBOT", auto_keywords=False)
class WorkloadLibrary:
    """Load that goes on across any other keywords, faults above all, and that leaves a history to be judged.

    Clients arrive at a fixed rate, whatever happens to their requests. They create collections, add, update, upsert
    and delete documents, delete collections and create them again, read and query; many sequences of writes straddle
    the fault. Every write is unlike any other, so whatever is seen later is traced to the one write it comes from.

    `Stop Workload` reads what the instances, the mapping and the log hold at the end. The history is a file in the
    results; ``python -m keywords.signoff.recheck FILE`` judges it again.
    """

    def __init__(self) -> None:
        self._running: Workload | None = None
        self._history: History | None = None
        self._judgement: Judgement | None = None

    @keyword(tags=["Action"])
    def start_workload(
        self,
        *,
        rate: float = 50.0,
        clients: int = 0,
        seed: int = -1,
        faults: int = 1,
        cuts: int = 5,
        stale: timedelta | None = None,
    ) -> None:
        """Begins to work at ``rate`` operations per second, until `Stop Workload`.

        ``clients`` is how many requests may be under way at the same time; by default so many that arrivals keep their
        schedule while requests hang for as long as a failover may take. ``seed`` gives the same stories as an
        earlier run; -1 takes a new one, which is recorded. ``faults`` is how many faults are to come, and ``cuts`` how
        often they have to cut every sequence of writes, for each pair of the phases before, during and after.
        ``stale`` is how old a read may be, by default SYNC_LAG_GOAL.
        """
        if self._running is not None:
            raise CouldNotObserve("clients are at work already; Stop Workload ends that")
        self._history = self._judgement = None
        wanted = Wanted(rate, clients, None if seed < 0 else seed, faults, cuts, stale)
        workload = Workload(current(), wanted, _new_file())
        self._running = workload.start()
        record(seed=str(workload.seed))

    @keyword(tags=["Wait"])
    def let_workload_play(self, within: timedelta = timedelta(seconds=60)) -> None:
        """Waits until the clients have done what is due in this phase: before, during or after a fault."""
        self._work().play_phase(within)

    @keyword(tags=["Wait"])
    def let_outage_last(self) -> None:
        """Waits until the fault has lasted so long that people have to be told of it: STATUS_LIE_MAX + ALERT_MAX."""
        record(evidence=f"outage of more than {duration(self._work().last_out())}")

    @keyword(tags=["Destructive"])
    def let_instance_fail_repeatedly(self, instance: Role, *failing: Failing, times: int = 5) -> None:
        """Makes an instance fail and brings it back several times, at a random phase, while the clients work on.

        ``failing`` is ``suspended``, ``crashed``, ``frozen``, ``unable to write`` or ``locked``, or several of them in
        turns. Every fault is proved, and so is its end; the clients do what is due before, during and after each one.
        The seed of the load gives the phases.
        """
        current().require_faults()
        repeats.repeat(self._work(), instance.value, [OUTAGES[one] for one in failing], times)
        how = " or ".join(one.value for one in failing)
        record(evidence=f"{instance.value} {how} and brought back {count(times, 'time')} at random phase")

    @keyword(tags=["Destructive"])
    def let_balancer_be_killed_repeatedly(self, times: int = 3) -> None:
        """Kills the balancer (SIGKILL) several times, at a random phase, while the clients work on.

        Whoever runs it has to start it again within RECOVERY_MAX.
        """
        current().require_faults()
        down = repeats.kill_balancer_repeatedly(self._work(), times)
        record(
            measured=f"balancer up again {', '.join(duration(one) for one in down)} after each kill",
            limit=current().environment.limits.words("RECOVERY_MAX"),
            evidence=f"{count(times, 'kill')} at random phase",
        )

    @keyword(tags=["Action"])
    def stop_workload(self) -> None:
        """Ends the load, reads what is there at the end, and judges everything."""
        self._stop(timedelta(0))

    @keyword(tags=["Action"])
    def stop_workload_and_watch(self, during: timedelta | None = None) -> None:
        """Like `Stop Workload`, with the last look only after ``during``, by default RESURRECTION_WATCH.

        Whatever may bring back what was deleted has had its turn by then.
        """
        limits = current().environment.limits
        self._stop(during if during is not None else limits.resurrection_watch)
        record(limit="" if during is not None else limits.words("RESURRECTION_WATCH"))

    def _stop(self, watch: timedelta) -> None:
        workload, self._running = self._work(), None
        self._history = workload.stop(watch)
        self._judgement = judge_history(self._history)
        most = most_at_once([(one.invoked, one.returned) for one in self._history.operations])
        record(evidence=f"up to {count(most, 'request')} under way at the same time")
        picture(draw(self._history), workload.file.with_suffix(".svg"))
        for line in told(self._history, self._judgement):
            logger.info(line)
        logger.info(f"History: {workload.file}")

    @keyword(tags=["Action"])
    def abandon_workload(self) -> None:
        """Ends the load of a test that failed, if there is one; its history has no end and is not judged."""
        workload, self._running = self._running, None
        if workload is not None:
            workload.abandon()

    @keyword(tags=["Check"])
    def history_should_show_no_violation(self, *subjects: Subject) -> None:
        """Checks what the history proves: contents (by default), receipts, gauge, status, recovery or alerts.

        ``contents``: what was acknowledged is there on both instances, field by field; what was deleted is not; each
        read and query was right; the mapping is; collections of others are as before. ``receipts``: the log tells the
        truth about each write. ``gauge``: the number of owed writes is not blind. ``status``: it is true but for
        STATUS_LIE_MAX. ``recovery``: work goes on within the limit of the fault. ``alerts``: people were told of each
        outage once, in time, and of the right instance, and of its end.

        Fails as *not tested* if what was seen is too little to say so.
        """
        if Subject.ALERTS in subjects:
            _require_alerts(self._known())
        judgement = self._judged().about(subjects or (Subject.CONTENTS,))
        for claim in judgement.claims:
            record(measured=claim)
        if judgement.apart:
            record(evidence=f"not promised, and seen: {sentences([str(one) for one in judgement.apart], 1)}")
        if judgement.findings:
            tally = Counter(finding.verdict.value for finding in judgement.findings)
            classes = ", ".join(f"{number} {name}" for name, number in tally.most_common())
            found = summed_up([str(finding) for finding in judgement.findings], 3)
            raise NotMet(f"{count(tally.total(), 'violation')} ({classes}): {found}")
        if judgement.gaps:
            untested = judgement.outcome is Outcome.NOT_TESTED
            raise (NotTested if untested else CouldNotObserve)(sentences([gap.sentence for gap in judgement.gaps]))

    @keyword(tags=["Check"])
    def work_should_have_gone_on(self) -> None:
        """Checks that after each fault a write was acknowledged and readable in time, none failed later, and the status
        told of it in time.

        The limit is that of the kind of fault: FAILOVER_MAX, FREEZE_FAILOVER_MAX or GRAY_FAILOVER_MAX.
        """
        history = self._known()
        seen = recoveries(history)
        if seen:
            for words in _in_words(seen):
                record(measured=words)
            record(evidence=f"{count(len(seen), 'fault')} under load")
        limits = {_LIMITS[one.outage.kind.value] for one in seen if one.outage.kind.value in _LIMITS}
        for name in sorted(limits):
            record(limit=current().environment.limits.words(name))
        self.history_should_show_no_violation(Subject.RECOVERY)

    @keyword(tags=["Check"])
    def workload_should_have_been_refused(self, at_least: int = 1) -> None:
        """Checks that so many writes were sent and had no acknowledgement; else their receipts say nothing."""
        sent = [one for one in self._known().operations if one.action.mutates and one.wire.sent]
        refused = [one for one in sent if one.result is not Result.OK]
        if len(refused) < at_least:
            raise CouldNotObserve(f"{count(len(refused), 'write')} had no acknowledgement, and {at_least} are needed")
        record(evidence=f"{count(len(refused), 'write')} without an acknowledgement")

    def _work(self) -> Workload:
        if self._running is None:
            raise CouldNotObserve("no client is at work; Start Workload begins that")
        return self._running

    def _known(self) -> History:
        if self._history is None:
            raise CouldNotObserve("there is no history; Start Workload and Stop Workload give one")
        return self._history

    def _judged(self) -> Judgement:
        self._known()
        assert self._judgement is not None
        return self._judgement


_PROCESS = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
_LIMITS = {
    "crash": "FAILOVER_MAX",
    "suspended": "FAILOVER_MAX",
    "freeze": "FREEZE_FAILOVER_MAX",
    "gray": "GRAY_FAILOVER_MAX",
}


def _require_alerts(history: History) -> None:
    """Make sure that a history says what people were told."""
    sink = current().alerts  # not tested, if the environment has none
    if not history.alert_reads:
        raise CouldNotObserve(f"the messages at {sink.url} were not recorded: those of an earlier outage did not come")


def _in_words(seen: list[Recovery]) -> list[str]:
    """Return what faults did to the work, in words: to all of it, to the status, and to each kind of operation."""
    tried = count(sum(one.tried for one in seen), "operation")
    failed, unknown = sum(one.failed for one in seen), sum(one.indeterminate for one in seen)
    said = []
    if good := [one.first_good for one in seen if one.first_good is not None]:
        said.append(f"writes acknowledged and readable again after {_figures(good)}")
    else:
        said.append("no write was acknowledged and readable")
    if told := [one.told for one in seen if one.told is not None]:
        said.append(f"status true after {_figures(told)}")
    last = max(one.last_failing for one in seen)
    said.append(f"last failing request began {duration(last)} after the fault at most")
    said.append(f"of {tried} {failed} failed and {unknown} had an unknown outcome")
    kinds = []
    for action in Action:
        own = [one.kinds[action] for one in seen]
        firsts = [one.first_good for one in own if one.first_good is not None]
        if not any(one.tried for one in own):
            continue
        again = f"again after {duration(max(firsts))} at most" if firsts else "never again"
        lost = [sum(one.failed for one in own), sum(one.indeterminate for one in own)]
        kinds.append(f"{action.value} {again}, {lost[0]} failed, {lost[1]} unknown")
    return [*said, *kinds]


def _figures(seconds: list[float]) -> str:
    seen = distribution(seconds)
    return f"median {duration(seen.p50)}, p90 {duration(seen.p90)}, max {duration(seen.longest)}"


def _new_file() -> Path:
    name = str(BuiltIn().get_variable_value("${TEST NAME}", "suite"))
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    folder, number = RUN_FOLDER / "histories" / _PROCESS, 1
    while (file := folder / f"{stem}-{number}.jsonl").exists():
        number += 1
    return file
