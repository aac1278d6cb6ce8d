"""The balancer: what it says of the deployment, whether that is true, and how it shares the reads."""

from __future__ import annotations

from datetime import timedelta

from robot.api.deco import keyword, library

from evidence import record
from signoff.checks import health, normal, sharing, start
from signoff.data_types import Role
from signoff.faults.guard import Use
from signoff.testbed import current, start_own, stop_own
from signoff.verdict import CouldNotObserve, NotMet, VerdictClass
from signoff.words import count, duration


@library(scope="GLOBAL", version="1.0", doc_format="ROBOT", auto_keywords=False)
class LoadBalancerLibrary:
    """The balancer of the deployment, and who may use the deployment.

    The balancer's own word never proves the balancer's claims: what it says of an instance is compared with direct
    probes of that instance, and what it says is owed with the log itself.
    """

    def __init__(self) -> None:
        self._watch: health.StatusWatch | None = None

    # ---------------------------------------------------------------- who uses the deployment

    @keyword(tags=["Action"])
    def use_the_deployment_alone(self, within: timedelta = timedelta(minutes=10)) -> None:
        """Waits until nobody else uses the deployment, and keeps others out; for a suite setup.

        Keywords that inject faults demand it. It ends with `Give The Deployment Back`, or with the process.
        """
        current().guard.take(Use.ALONE, within)

    @keyword(tags=["Action"])
    def use_the_deployment_and_the_machine_alone(self, within: timedelta = timedelta(minutes=10)) -> None:
        """Like `Use The Deployment Alone`, and no other suite runs on this machine meanwhile, on any deployment.

        For suites that measure speed: beside others they would measure the others.
        """
        current().guard.take(Use.ALONE, within, machine=Use.ALONE)

    @keyword(tags=["Action"])
    def share_the_deployment(self, within: timedelta = timedelta(minutes=10)) -> None:
        """Uses the deployment together with others that don't break anything; for a suite setup."""
        current().guard.take(Use.SHARED, within)

    @keyword(tags=["Action"])
    def give_the_deployment_back(self) -> None:
        """Ends `Use The Deployment Alone` or `Share The Deployment`; for a suite teardown."""
        current().guard.release()

    @keyword(tags=["Action"])
    def start_a_deployment_of_its_own(self, **settings: str) -> None:
        """Starts a further local deployment with other settings of the balancer; all keywords then work on it.

        | Start A Deployment Of Its Own    READ_REPLICA_RATIO=0

        It is used alone. `Stop The Deployment Of Its Own` ends it. Where none can be started, the test is *not tested*.
        """
        start_own(settings).guard.take(Use.ALONE, timedelta(seconds=10))

    @keyword(tags=["Action"])
    def stop_the_deployment_of_its_own(self) -> None:
        """Ends the deployment that was started last, if there is one; all keywords work on the usual one again."""
        stop_own()

    # ---------------------------------------------------------------- steady state and health

    @keyword(tags=["Wait"])
    def deployment_should_be_steady(self, within: timedelta | None = None) -> None:
        """Waits until both instances are healthy, by direct probes and by the balancer, and nothing is owed.

        This is a premise: without it a test *could not be tested*. ``within`` is by default the limit RECOVERY_MAX.
        """
        bed = current()
        health.require_steady(bed, within if within is not None else bed.environment.limits.recovery_max)

    @keyword(tags=["Check"])
    def health_should_be_complete(self) -> None:
        """Checks /health and /status: every key and type of the contract, 2 of 2 healthy, each last check younger than
        two intervals."""
        record(measured=health.complete(current()))

    @keyword(tags=["Check", "Wait"])
    def both_instances_should_be_healthy(self, within: timedelta = timedelta(0)) -> None:
        """Checks that each instance answers its heartbeat and its list of collections directly, and is healthy by
        /health and /status."""
        record(measured=health.both_healthy(current(), within))

    @keyword(tags=["Check"])
    def health_should_answer_within(
        self, limit: timedelta | None = None, *, samples: int = 50, warm_ups: int = 3
    ) -> None:
        """Asks /health again and again; none may fail, and 95 % must answer within ``limit`` (HEALTH_P95)."""
        bed = current()
        allowed = limit if limit is not None else bed.environment.limits.health_p95
        times = health.response_times(bed, samples, warm_ups)
        record(
            measured=f"health p50 {duration(times.p50)}, p95 {duration(times.p95)}, max {duration(times.longest)}",
            limit="" if limit is not None else bed.environment.limits.words("HEALTH_P95"),
            evidence=f"{times.number} health checks, none failed",
        )
        if times.p95 > allowed.total_seconds():
            slow = f"95 % of the health checks took up to {duration(times.p95)}; allowed are {duration(allowed)}"
            raise NotMet(VerdictClass.TOO_SLOW.says(slow))

    @keyword(tags=["Check"])
    def strategy_should_be_configured(self) -> None:
        """Checks that /status shows the strategy and the read ratio that the environment file says are configured."""
        record(measured=health.strategy_as_configured(current()))

    @keyword(tags=["Check", "Wait"])
    def healthy_instances_should_be(self, number: int, within: timedelta | None = None) -> None:
        """Waits until /health and /status both count so many healthy instances.

        ``within`` is by default the limit FAILOVER_MAX. For 2 each has to answer directly as well, and it is
        RECOVERY_MAX, which begins with the proved return of the last instance that was away.
        """
        bed = current()
        name = "RECOVERY_MAX" if number == 2 else "FAILOVER_MAX"
        usual = bed.environment.limits.recovery_max if number == 2 else bed.environment.limits.failover_max
        took = health.wait_for_count(bed, number, within if within is not None else usual)
        record(
            measured=f"{number} healthy after {duration(took)}",
            limit="" if within is not None else bed.environment.limits.words(name),
        )

    @keyword(tags=["Check", "Wait"])
    def instance_should_be_healthy_again(self, instance: Role, within: timedelta | None = None) -> None:
        """Waits until an instance answers directly, and the balancer counts 2 of 2 and it among the healthy.

        ``within`` is by default the limit RECOVERY_MAX, and begins with `Resume Instance` if that was called.
        """
        bed = current()
        took = health.healthy_again(
            bed, instance.value, within if within is not None else bed.environment.limits.recovery_max
        )
        record(
            measured=f"{instance.value} healthy again after {duration(took)}",
            limit="" if within is not None else bed.environment.limits.words("RECOVERY_MAX"),
        )

    @keyword(tags=["Check", "Wait"])
    def deployment_should_be_steady_again(self, within: timedelta | None = None) -> None:
        """Waits until both instances are healthy, directly and by /status, and no write is owed any more.

        ``within`` is by default RECOVERY_MAX, and begins with the proved return of the last instance that was away.
        """
        bed = current()
        took = health.steady_again(bed, within if within is not None else bed.environment.limits.recovery_max)
        record(
            measured=f"steady again after {duration(took)}",
            limit="" if within is not None else bed.environment.limits.words("RECOVERY_MAX"),
        )

    @keyword(tags=["Action"])
    def watch_status(self) -> None:
        """Begins to look at /status and, directly, at each instance, several times a second.

        `Status Should Have Been True` ends it.
        """
        if self._watch is not None:
            self._watch.stop()
        self._watch = health.StatusWatch(current())

    @keyword(tags=["Wait"])
    def keep_watching_status(self) -> None:
        """Waits until the outage is half as long again as STATUS_LIE_MAX: in a shorter one no lie could show."""
        lasted = health.outlast_a_lie(current())
        record(evidence=f"watched for {duration(lasted)} of the outage")

    @keyword(tags=["Check"])
    def status_should_have_been_true(self, limit: timedelta | None = None, *, counts: str = "2 1 2") -> None:
        """Ends `Watch Status`, and judges it against the direct probes.

        After an instance has gone or returned, the status may be untrue for ``limit`` (STATUS_LIE_MAX) in all: which
        instances are healthy, the strategy, when each was last checked, and how many writes are owed, by the log. The
        number of healthy instances must have gone through ``counts``. Without a write that is owed it *could not be
        tested*.
        """
        watch, self._watch = self._watch, None
        if watch is None:
            raise CouldNotObserve("the status was not watched; Watch Status begins that")
        bed = current()
        allowed = limit if limit is not None else bed.environment.limits.status_lie_max
        seen = watch.stop()
        record(
            measured=f"status untrue for {duration(seen.untrue_after_a_change)} after a change at most, "
            f"{duration(seen.untrue)} in all; "
            f"healthy instances went {' → '.join(map(str, seen.counts))}",
            limit="" if limit is not None else bed.environment.limits.words("STATUS_LIE_MAX"),
            evidence=f"{seen.looks} looks at the status and the log, with up to {count(seen.owed, 'owed write')}; "
            f"{seen.probes} direct probes",
        )
        health.judge_watch(seen, allowed, [int(number) for number in counts.split()])

    @keyword(tags=["Check"])
    def old_heartbeat_should_answer(self) -> None:
        """Checks that the version 1 heartbeat answers with 200 and a heartbeat."""
        health.old_heartbeat(current())
        record(evidence="version 1 heartbeat answered")

    @keyword(tags=["Check", "Wait"])
    def health_should_be_degraded(self, within: timedelta | None = None) -> None:
        """Checks that /health says "degraded" and answers 200. ``within`` is by default the limit STATUS_LIE_MAX."""
        bed = current()
        allowed = within if within is not None else bed.environment.limits.status_lie_max
        record(evidence=normal.degraded(bed, allowed))

    @keyword(tags=["Check", "Wait"])
    def everything_should_be_normal_again(self) -> None:
        """Checks that both instances are healthy, nothing is owed, and a write and a read work, within 60 s.

        That time begins when the last fault was proved to be over.
        """
        took = normal.again(current())
        record(measured=f"normal again after {duration(took)}", limit=f"normal again within {duration(normal.LIMIT)}")

    # ---------------------------------------------------------------- reads

    @keyword(tags=["Check"])
    def reads_should_be_counted(self, collection: str, reads: int = 60) -> None:
        """Checks that reads move the request counters of the instances by exactly their number, and that the counters
        stand still through two health checks without a request."""
        record(measured=sharing.counted(current(), collection, reads))

    @keyword(tags=["Check"])
    def read_share_should_be(self, collection: str, share: float | None = None, *, reads: int = 200) -> None:
        """Checks that the replica's share of the reads is ``share`` (as configured by default), within 3 sigma.

        0 means none and 1 means all, exactly. Each read must be correct. A failure shows the status and the last
        errors in the log.
        """
        measured, expected = sharing.share(current(), collection, share, reads)
        record(measured=measured, limit=expected, evidence=f"{reads} reads, all correct")

    @keyword(tags=["Check"])
    def reads_should_be_served_by(self, collection: str, instance: Role, reads: int = 100) -> None:
        """Checks that all reads are correct and answered by one instance."""
        share = 1.0 if instance is Role.REPLICA else 0.0
        measured, _ = sharing.share(current(), collection, share, reads)
        record(measured=measured, evidence=f"{reads} reads, all correct")

    @keyword(tags=["Check"])
    def reads_should_take_turns(self, collection: str, reads: int = 100) -> None:
        """Checks that the instances answer reads in turns, none twice in a row, each correctly."""
        record(measured=sharing.take_turns(current(), collection, reads))

    # ---------------------------------------------------------------- what is owed

    @keyword(tags=["Check", "Wait"])
    def pending_writes_should_be_shown_everywhere(
        self, at_least: int, within: timedelta = timedelta(seconds=5)
    ) -> None:
        """Checks that /status, /wal/status, /metrics and the log in PostgreSQL all show at least so many owed writes at
        the same moment."""
        record(measured=health.pending_shown(current(), at_least, within))

    @keyword(tags=["Check", "Wait"])
    def pending_writes_should_be_those_of(self, instance: Role, at_least: int) -> None:
        """Checks that /status shows so many owed writes of one instance, none of the other, and an age of the oldest
        that grows as it has to."""
        record(measured=health.pending_of(current(), instance.value, at_least))

    @keyword(tags=["Check", "Wait"])
    def pending_writes_should_be_zero(self, within: timedelta | None = None) -> None:
        """Waits until /status, /wal/status, /metrics and the log in PostgreSQL all say that nothing is owed.

        It proves something only after `Pending Writes Should Be Shown Everywhere`. ``within``: SYNC_LAG_MAX.
        """
        bed = current()
        took = health.pending_zero(bed, within if within is not None else bed.environment.limits.sync_lag_max)
        record(measured=f"nothing owed after {duration(took)}")

    # ---------------------------------------------------------------- preflight

    @keyword(tags=["Check"])
    def preflight_should_pass(self) -> None:
        """Looks at every part of the deployment; each must answer and be what it should be."""
        record(measured=start.passes(current()))

    @keyword(tags=["Check"])
    def each_missing_variable_should_be_named(self) -> None:
        """Checks that the environment without any one of its variables is refused with one sentence that names it."""
        record(evidence=start.names_missing_variables(current().environment.file))

    @keyword(tags=["Check"])
    def unreachable_service_should_be_named(self, service: str = "replica") -> None:
        """Checks that a preflight with an unreachable service fails with one message that names it.

        It is the balancer, primary, replica, database or control plane; or the ``key`` of that one is wrong. No
        credential is shown.
        """
        record(evidence=start.names_unreachable(current(), service))

    @keyword(tags=["Check"])
    def suite_by_itself_should_refuse(self, service: str = "replica") -> None:
        """Checks that a suite that is run by ``robot`` alone, where a service is missing, says so before its tests."""
        record(evidence=start.suites_alone_refuse(current(), service))

    @keyword(tags=["Check"])
    def same_instance_twice_should_be_refused(self) -> None:
        """Checks that a preflight refuses two addresses that lead to one instance."""
        record(evidence=start.refuses_same_instance(current()))

    @keyword(tags=["Check"])
    def starting_service_should_be_waited_for(self, seconds: float = 1.0) -> None:
        """Checks that a preflight waits for a service that begins to answer only after so many seconds."""
        record(measured=start.waits(current(), timedelta(seconds=seconds)))
