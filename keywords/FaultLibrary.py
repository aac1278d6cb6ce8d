"""Faults of the processes themselves, and of the way to them: crashes, freezes, locked stores, missed checks."""

from __future__ import annotations

import time
from datetime import timedelta

from robot.api.deco import keyword, library

from evidence import record
from signoff.checks import belongings, cut_requests, destructive, detection, staleness
from signoff.checks import interruption as interruption_of
from signoff.data_types import Disturbance, Failing, Interruption, Role, Way
from signoff.faults import control_plane, processes, proxies
from signoff.faults.damage import damage
from signoff.faults.fault_log import Milestone
from signoff.faults.guard import Use
from signoff.faults.local_processes import ProcessId
from signoff.faults.locked_store import Refused
from signoff.faults.outages import OUTAGES
from signoff.faults.proxies import Toxic
from signoff.history import Stage
from signoff.testbed import current, start_own
from signoff.verdict import CouldNotObserve
from signoff.words import count, duration, listing

_DISTURBANCE = "disturbance"


@library(scope="GLOBAL", version="1.0", doc_format="ROBOT", auto_keywords=False)
class FaultLibrary:
    """Faults that no control plane offers, on deployments whose processes run on this machine; elsewhere *not tested*.

    Every fault is written into an undo journal on disk first, then made, and then proved by asking the service
    directly: a crashed one refuses connections, a frozen one accepts them and says nothing, and one that can't write
    answers its heartbeat while a direct write hangs. Every undo is proved too, and survives an interrupted run.
    Faults need the environment's permission, and `Use The Deployment Alone`.
    """

    def __init__(self) -> None:
        self._killed: ProcessId | None = None
        self._cut: cut_requests.Cut | None = None

    # ---------------------------------------------------------------- instances

    @keyword(tags=["Destructive"])
    def crash_instance(self, instance: Role) -> None:
        """Kills the primary or the replica (SIGKILL), keeps it down, and proves that it refuses connections.

        `Resume Instance` brings it back.
        """
        took = processes.crash(current(), instance.value)
        record(evidence=f"{instance.value} killed, and proved to refuse connections after {duration(took)}")

    @keyword(tags=["Destructive"])
    def crash_instance_during_a_write(self, instance: Role, collection: str, documents: int = 20) -> None:
        """Adds documents in one request, and kills an instance while that is under way to both; proves both.

        The request is held in the fault proxies, so only a deployment with them has it.
        """
        current().require_faults()
        self._cut = cut_requests.kill_during_a_write(current(), collection, instance.value, documents)
        record(evidence=f"{instance.value} killed while a write of {count(documents, 'document')} was under way")

    @keyword(tags=["Destructive"])
    def crash_instance_during_a_burst(
        self, instance: Role, collection: str, writes: int = 300, *, clients: int = 8
    ) -> str:
        """Adds documents one by one with several clients, and kills an instance in their middle; both are proved.

        Returns what the ids of the sessions begin with; `Each Write Should Have Been Acknowledged` judges them.
        """
        current().require_faults()
        session = cut_requests.kill_during_a_burst(current(), collection, instance.value, writes, clients)
        record(evidence=f"{instance.value} killed in the middle of {writes} adds by {clients} clients")
        return session

    @keyword(tags=["Check"])
    def cut_write_should_have_been_answered(self) -> None:
        """Checks that the write of `Crash Instance During A Write` was acknowledged or refused with 503, in time."""
        cut, self._cut = self._cut, None
        if cut is None:
            raise CouldNotObserve("no write was cut; Crash Instance During A Write does that")
        record(measured=cut_requests.answered_rightly(current(), cut))

    @keyword(tags=["Destructive"])
    def freeze_instance(self, instance: Role) -> None:
        """Freezes every process of the primary or the replica, and proves that it accepts connections and is silent."""
        took = processes.freeze(current(), instance.value)
        record(evidence=f"{instance.value} frozen, and proved to be silent after {duration(took)}")

    @keyword(tags=["Action"])
    def thaw_instance(self, instance: Role) -> None:
        """Lets a frozen instance go on, and proves that it answers."""
        took = processes.thaw(current(), instance.value)
        record(evidence=f"{instance.value} thawed, and proved to answer after {duration(took)}")

    @keyword(tags=["Check"])
    def instance_should_be_frozen(self, instance: Role) -> None:
        """Checks that a frozen instance is still silent, so that the premise of a test still holds."""
        processes.require_silent(current(), instance.value)

    @keyword(tags=["Destructive"])
    def damage_documents(self, collection: str, instance: Role, number: int = 20) -> None:
        """Deletes documents on one instance, changes as many others and adds as many strange ones, past the balancer.

        So no log tells of it. The instance's own answers prove that it is done: it may be mended at any time.
        """
        current().require_faults()
        record(evidence=damage(current(), collection, instance, number))

    @keyword(tags=["Destructive"])
    def make_instance_unable_to_write(self, instance: Role, refused: Refused = Refused.WRITES) -> None:
        """Locks an instance's store, and proves that its heartbeat answers while a direct write hangs or fails.

        ``refused`` is ``writes`` (it is still read as usual) or ``reads and writes``.
        """
        took = processes.lock_store(current(), instance.value, refused)
        record(
            evidence=f"{instance.value} proved to answer its heartbeat and not to write after {duration(took)}",
        )

    @keyword(tags=["Action"])
    def let_instance_write_again(self, instance: Role) -> None:
        """Unlocks an instance's store, and proves that a direct write works."""
        took = processes.unlock_store(current(), instance.value)
        record(evidence=f"{instance.value} proved to write again after {duration(took)}")

    @keyword(tags=["Check"])
    def instance_should_be_unable_to_write(self, instance: Role) -> None:
        """Checks that an instance still answers its heartbeat and can't write, so that a test's premise still holds."""
        processes.require_unable_to_write(current(), instance.value)

    # ---------------------------------------------------------------- the database

    @keyword(tags=["Destructive"])
    def suspend_database(self) -> None:
        """Suspends PostgreSQL through the control plane, and proves that it doesn't answer."""
        took = control_plane.suspend(current(), "postgres")
        record(evidence=f"PostgreSQL suspended, and proved to be down after {duration(took)}")

    @keyword(tags=["Action"])
    def resume_database(self) -> None:
        """Resumes PostgreSQL, and proves that it answers."""
        took = control_plane.resume(current(), "postgres")
        current().database.close()  # its session ended with the database
        record(evidence=f"PostgreSQL resumed, and proved to answer after {duration(took)}")

    @keyword(tags=["Destructive"])
    def freeze_database(self) -> None:
        """Freezes every process of PostgreSQL, and proves that it accepts connections and is silent."""
        took = processes.freeze(current(), "postgres")
        record(evidence=f"PostgreSQL frozen, and proved to be silent after {duration(took)}")

    @keyword(tags=["Action"])
    def thaw_database(self) -> None:
        """Lets a frozen PostgreSQL go on, and proves that it answers."""
        took = processes.thaw(current(), "postgres")
        record(evidence=f"PostgreSQL thawed, and proved to answer after {duration(took)}")

    # ---------------------------------------------------------------- the balancer

    @keyword(tags=["Destructive"])
    def kill_balancer(self) -> None:
        """Kills the balancer (SIGKILL), and proves that it is gone. Whoever runs it has to start it again."""
        self._killed = processes.kill_balancer(current())
        record(evidence="balancer killed, and proved to refuse connections")

    @keyword(tags=["Check", "Wait"])
    def balancer_should_be_up_again(self, within: timedelta | None = None) -> None:
        """Waits until another process of the balancer answers. ``within`` is by default the limit RECOVERY_MAX."""
        killed, self._killed = self._killed, None
        if killed is None:
            raise CouldNotObserve("the balancer was not killed; Kill Balancer does that")
        bed = current()
        took = processes.balancer_back(
            bed, killed, within if within is not None else bed.environment.limits.recovery_max
        )
        record(
            measured=f"balancer up again {duration(took)} after it was killed",
            limit="" if within is not None else bed.environment.limits.words("RECOVERY_MAX"),
        )

    # ---------------------------------------------------------------- detection, and what is read meanwhile

    @keyword(tags=["Check", "Destructive"])
    def detection_should_follow_its_settings(
        self, *, failing: Failing = Failing.CRASHED, instance: Role = Role.PRIMARY, repeats: int = 5
    ) -> None:
        """Makes an instance fail several times, at a random phase and without traffic, and measures when it is told.

        With a check each interval and a threshold of failures that is between (threshold - 1) intervals and threshold
        intervals after the failure. For the checks themselves, which take a while, it may be a quarter of an interval
        less, and one interval more.
        """
        bed = current()
        bed.require_faults()
        seen = detection.measure(bed, instance.value, repeats, OUTAGES[failing])
        record(
            measured=seen.words,
            limit=f"{duration(seen.shortest)} to {duration(seen.longest)} by interval and threshold",
            evidence=f"{repeats} outages at random phase (seed {seen.seed})",
        )
        detection.judge(seen)

    @keyword(tags=["Action"])
    def start_a_deployment_with_proxies(self, **settings: str) -> None:
        """Like `Start A Deployment Of Its Own`, with a fault proxy between the balancer and each instance."""
        start_own(settings, proxies=True).guard.take(Use.ALONE, timedelta(seconds=10))

    @keyword(tags=["Destructive"])
    def disturb_way_to(
        self,
        way: Way,
        disturbance: Disturbance,
        *,
        by: timedelta = timedelta(seconds=1),
        status: int = 500,
        path: str = "",
        first: int = 0,
        every: int = 1,
    ) -> None:
        """Disturbs requests between the balancer and the primary, the replica, the database or Slack, and proves it.

        ``disturbance`` is ``slow`` (``by`` so much), ``black hole``, ``reset``, ``reply lost`` (after the request was
        carried out), ``wrong status`` (``status``, without carrying it out), ``cut off`` or ``no json``. ``path`` is a
        part of the path of the requests it is for, ``first`` only so many of them, ``every`` only each so-many-th.
        It is proved by the requests that meet it, so there must be some; on the way to Slack there are none until
        something has to be told, so there `Disturbance Should Be Met` proves it. Only a deployment with fault proxies
        has it.
        """
        values = {
            Disturbance.SLOW: {"latency": round(by.total_seconds() * 1000)},
            Disturbance.WRONG_STATUS: {"status": status, "forward": 0},
            Disturbance.CUT_OFF: {"bytes": 10},
        }
        wanted = Toxic(_DISTURBANCE, disturbance.value, values.get(disturbance, {}), path, first, every)
        if way is Way.SLACK:
            proxies.begin_fault(current(), way.value, wanted)
            return
        met = proxies.disturb(current(), way.value, wanted)
        named = disturbance.name.lower().replace("_", " ")
        record(evidence=f"way to the {way.value} disturbed ({named}), and proved by {count(met, 'request')}")

    @keyword(tags=["Check", "Wait"])
    def disturbance_should_be_met(self, way: Way) -> None:
        """Waits until a request has met what `Disturb Way To` put on its way, so that the premise of a test holds."""
        met = proxies.require_met(current(), way.value, _DISTURBANCE)
        record(evidence=f"{count(met, 'request')} on the way to the {way.value} met the disturbance")

    @keyword(tags=["Action"])
    def mend_way_to(self, way: Way) -> None:
        """Ends `Disturb Way To`, and proves it."""
        met = proxies.mend(current(), way.value)
        record(evidence=f"{count(met, 'request')} on the way to the {way.value} met the disturbance")

    @keyword(tags=["Check", "Destructive"])
    def missed_checks_should_change_nothing(self, instance: Role, missed: int = 1) -> None:
        """Lets an instance miss so many health checks in a row; it must be called healthy all the while.

        The checks are lost, and counted, in the fault proxy between the balancer and the instance. There must be fewer
        than the threshold.
        """
        current().require_faults()
        record(evidence=detection.miss_checks(current(), instance.value, missed))

    @keyword(tags=["Check", "Destructive"])
    def reads_should_never_be_stale(
        self, *, failing: Failing = Failing.CRASHED, returns: int = 4, seed: int = -1
    ) -> None:
        """Lets the replica and the primary go and come back in turns, while clients write, read and query the same
        documents.

        No read and no query may show a content that an acknowledged write had replaced before it began. Unless reads
        began after each proved return while the instance still owed writes, it *could not be tested*. ``seed`` gives
        the same choices as an earlier run; -1 takes a new one, which is recorded.
        """
        current().require_faults()
        roles = [(Role.REPLICA, Role.PRIMARY)[number % 2].value for number in range(returns)]
        seen = staleness.flap(current(), roles, OUTAGES[failing], None if seed < 0 else seed)
        each = listing([str(number) for number in seen.catching_up], 10)
        record(
            measured=f"{len(staleness.stale(seen.reads))} stale of {count(len(seen.reads), 'read')}, "
            f"{seen.queried:,} of them documents that queries showed",
            evidence=f"{count(returns, 'return')}, {count(seen.writes, 'write')}; while the returned instance still "
            f"owed writes, {each} reads after each return, {seen.queried_catching_up} of all by queries; "
            f"{seen.failed} without an answer",
            seed=str(seen.seed),
        )
        staleness.judge(seen)

    @keyword(tags=["Check"])
    def phases_should_have_been_timed(self) -> None:
        """Checks that each phase of the last fault was seen, and records how long each took.

        From the fault to a status that tells of it (detection), and to an acknowledged and readable write (failover);
        from the order to come back to the proved return; from there until both are healthy (recovery), and from then
        until now (validation).
        """
        faults = current().faults
        last = faults.events[-4:]
        if [event.stage for event in last] != list(Stage):
            raise CouldNotObserve("no fault was made and undone, so there are no phases to tell")
        if missing := [one.value for one in Milestone if one not in faults.milestones]:
            raise CouldNotObserve(f"it was not seen when the deployment had {listing(missing)}, so no phase is known")
        injected, _, undone, restored = (event.at for event in last)
        seen = faults.milestones
        record(
            measured=f"detection {duration(seen[Milestone.DETECTED] - injected)}, "
            f"failover {duration(seen[Milestone.FAILED_OVER] - injected)}, return {duration(restored - undone)}, "
            f"recovery {duration(seen[Milestone.RECOVERED] - restored)}, "
            f"validation {duration(time.monotonic() - seen[Milestone.RECOVERED])}"
        )

    # ---------------------------------------------------------------- permission and interruption

    @keyword(tags=["Check"])
    def faults_should_need_permission(self) -> None:
        """Checks that no fault is made in an environment that forbids it, or while others may use the deployment.

        Every keyword of every library that is tagged Destructive is really called, but for those that only delete.
        """
        number = belongings.faults_need_permission(current(), destructive.makes_a_fault())
        record(measured=f"{number} faults refused without permission, and both instances answer")

    @keyword(tags=["Check", "Destructive"])
    def interrupted_run_should_mend_what_it_broke(self, interruption: Interruption) -> None:
        """Starts a whole run on the deployment of its own, and interrupts it while it has an instance suspended.

        ``interruption`` is ``ctrl c``, ``killed worker`` or ``lost machine``. The instance must answer again (after a
        lost machine: at the start of the next run), the report must not call met what was cut short, and what is left
        over must be listed and purgeable.
        """
        current().require_faults()
        ways = {
            Interruption.CTRL_C: interruption_of.interrupted_by_ctrl_c,
            Interruption.KILLED_WORKER: interruption_of.killed_worker,
            Interruption.LOST_MACHINE: interruption_of.lost_machine,
        }
        record(measured=ways[interruption](current()))

    # ---------------------------------------------------------------- undo

    @keyword(tags=["Action"])
    def undo_every_fault(self) -> None:
        """Thaws, unlocks and resumes whatever this run has broken, and proves that it answers; for teardowns."""
        self._killed = None
        processes.undo_everything(current())
