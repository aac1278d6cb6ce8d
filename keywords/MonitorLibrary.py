"""The monitor: whether it measures, and recommends a larger plan when that is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from robot.api.deco import keyword, library

from evidence import record
from signoff.checks import measurements, recommendations
from signoff.clients.database import Measurement
from signoff.data_types import Concern, Urgency
from signoff.faults import control_plane, processes
from signoff.faults.guard import Use
from signoff.testbed import current, start_own
from signoff.verdict import CouldNotObserve
from signoff.words import duration


@library(scope="GLOBAL", version="1.0", doc_format="ROBOT", auto_keywords=False)
class MonitorLibrary:
    """What the monitor of a deployment keeps in PostgreSQL: measurements, and recommendations of a larger plan.

    Where it keeps them, and how often it measures, stands in the environment file.
    """

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._noted: Measurement | None = None

    # ---------------------------------------------------------------- measurements

    @keyword(tags=["Check", "Wait"])
    def measurements_should_keep_coming(self, intervals: int = 2) -> None:
        """Checks that a new row of measurements is written within so many intervals, with numbers that can be true.

        They are not all zero, and where the processes are on this machine, the memory is that of the fullest service.
        """
        row = measurements.keep_coming(current(), intervals)
        record(
            measured=f"memory {row.memory_usage_mb:.0f} MB ({row.memory_percent:.0f} %), CPU {row.cpu_percent:.0f} %",
            limit=f"a new row within {duration(intervals * current().environment.settings.resource_check_interval)}",
        )

    @keyword(tags=["Wait"])
    def note_measurement(self) -> None:
        """Waits until two measurements in a row count the same, and notes it, for `Measurements Should Count`."""
        self._noted = measurements.settled(current())

    @keyword(tags=["Check", "Wait"])
    def measurements_should_count(self, collection: str) -> None:
        """Checks that at least two new measurements count what was done since `Note Measurement`.

        That is every collection there is now, and each document that was written to this one, or deleted from it by
        its id.
        """
        bed, before = current(), self._noted
        if before is None:
            raise CouldNotObserve("no measurement was noted; Note Measurement does that")
        record(measured=measurements.count_the_work(bed, before, collection, bed.database.now()))

    @keyword(tags=["Wait"])
    def measurement_should_fall_due(self) -> None:
        """Waits until a measurement has fallen due while the database is suspended; else its outage shows nothing."""
        away = measurements.fall_due(current())
        record(evidence=f"a measurement fell due while the database was away, for {duration(away)} by then")

    @keyword(tags=["Check"])
    def measurement_should_have_been_missed(self) -> None:
        """Checks that no measurement was written while the database was away, and one should have been.

        This is a premise: without it a test *could not be tested*.
        """
        record(evidence=f"{duration(measurements.missed(current()))} between the measurements around the outage")

    @keyword(tags=["Destructive"])
    def kill_monitor(self) -> None:
        """Kills the monitor (SIGKILL), keeps it down, and proves that none of its processes is left."""
        took = processes.kill_for_good(current(), "monitor")
        record(evidence=f"monitor killed, and proved to be gone after {duration(took)}")

    @keyword(tags=["Action"])
    def resume_monitor(self) -> None:
        """Lets a killed monitor be started again, and proves that it is there."""
        took = control_plane.resume(current(), "monitor")
        record(evidence=f"monitor there again after {duration(took)}")

    # ---------------------------------------------------------------- recommendations

    @keyword(tags=["Action"])
    def watch_recommendations(self, *, from_the_start: timedelta = timedelta(0)) -> None:
        """Begins to pay attention to recommendations: those from now on, or from so much earlier on."""
        self._since = current().database.now() - from_the_start

    @keyword(tags=["Check", "Wait"])
    def no_recommendation_should_come(self, *concerns: Concern) -> None:
        """Checks that nothing was recommended since `Watch Recommendations`, nor is through five more measurements.

        ``concerns`` are memory, cpu, disk and backlog; all of them by default.
        """
        record(measured=recommendations.none_comes(current(), concerns or tuple(Concern), self._watched()))

    @keyword(tags=["Check", "Wait"])
    def recommendation_should_come(self, concern: Concern, urgency: Urgency, *, threshold: float) -> None:
        """Checks that something is recommended since `Watch Recommendations`: a plan, its cost and a reason.

        What is used must be above ``threshold``, in percent, and above 95 % for a high urgency only.
        """
        above, at_most = recommendations.percent_range(urgency, threshold)
        self._expect(recommendations.Expected(concern, urgency, above, at_most))

    @keyword(tags=["Check", "Wait"])
    def backlog_recommendation_should_come(self, urgency: Urgency, *, above: int, at_most: int) -> None:
        """Checks that a backlog is told since `Watch Recommendations`, of more than ``above`` owed writes."""
        self._expect(recommendations.Expected(Concern.BACKLOG, urgency, above, at_most))

    @keyword(tags=["Action"])
    def start_a_deployment_that_is_nearly_full(self) -> None:
        """Starts a deployment of its own that uses about nine tenths of its memory; no threshold of it is set."""
        most = recommendations.nearly_full(current())
        start_own({"MAX_MEMORY_MB": most}).guard.take(Use.ALONE, timedelta(seconds=10))

    @keyword(name="Advice Should Keep The Contract's Thresholds", tags=["Check", "Wait"])
    def advice_should_keep_the_contract(self) -> None:
        """Checks all recommendations for memory and CPU since `Watch Recommendations` against what was measured.

        By the contract they are due above 85 % of the memory and 80 % of the CPU, and urgent above 95 %.
        """
        record(measured=recommendations.keeps_contract(current(), self._watched()), limit="85 %, 80 % and 95 %")

    @keyword(tags=["Check", "Wait"])
    def recommendations_should_keep_their_cooldown(
        self, concern: Concern, cooldown: timedelta, *, number: int = 3
    ) -> None:
        """Checks that a lasting condition is told so many times since `Watch Recommendations`, never within a cooldown.

        Slack must be told as often.
        """
        record(
            measured=recommendations.keep_cooldown(current(), concern, cooldown, number, self._watched()),
            limit=f"cooldown {duration(cooldown)}",
        )

    def _expect(self, wanted: recommendations.Expected) -> None:
        given = recommendations.comes(current(), wanted, self._watched())
        record(
            measured=f"{given.kind} {given.urgency}: {given.reason}",
            evidence=f"plan {given.recommended_tier} recommended, at {given.estimated_monthly_cost:.2f} USD a month",
        )

    def _watched(self) -> datetime:
        if self._since is None:
            raise CouldNotObserve("recommendations were not watched; Watch Recommendations begins that")
        return self._since
