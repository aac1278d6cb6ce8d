"""What a deployment tells Slack of its instances."""

from __future__ import annotations

import os
from datetime import timedelta

from robot.api.deco import keyword, library

from evidence import record
from signoff.checks import alerts, real_channel
from signoff.clients.alerts import Notice
from signoff.data_types import Deaf, Role
from signoff.testbed import current
from signoff.verdict import CouldNotObserve, NotMet, VerdictClass
from signoff.words import count, duration


@library(scope="GLOBAL", version="1.0", doc_format="ROBOT", auto_keywords=False)
class SlackLibrary:
    """Alerts, read back from the place that the environment file names; without one they are *not tested*.

    Each instance that the balancer calls unhealthy has to make exactly one alert, and one recovery notice when it is
    healthy again, in time, and about that instance.
    """

    def __init__(self) -> None:
        self._watch: alerts.AlertWatch | None = None

    @keyword(tags=["Action"])
    def watch_alerts(self) -> None:
        """Begins to look at the status, and to pay attention to what arrives in Slack from now on."""
        self.abandon_alerts()
        self._watch = alerts.AlertWatch(current())

    @keyword(tags=["Action"])
    def abandon_alerts(self) -> None:
        """Ends `Watch Alerts` without a judgement, if it was begun; for teardowns."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.abandon()

    @keyword(tags=["Check", "Wait"])
    def alert_should_come(self, instance: Role, within: timedelta | None = None) -> None:
        """Waits until Slack has taken an alert about an instance. ``within`` is by default FAILOVER_MAX + ALERT_MAX."""
        limits = current().environment.limits
        self._come(instance, Notice.ALERT, within if within is not None else limits.failover_max + limits.alert_max)

    @keyword(tags=["Check", "Wait"])
    def recovery_notice_should_come(self, instance: Role, within: timedelta | None = None) -> None:
        """Waits until Slack has taken a recovery notice about an instance. ``within``: RECOVERY_MAX + ALERT_MAX."""
        limits = current().environment.limits
        self._come(instance, Notice.RECOVERY, within if within is not None else limits.recovery_max + limits.alert_max)

    @keyword(tags=["Check", "Wait"])
    def each_outage_should_have_been_told_once(self, outages: int = 1) -> None:
        """Ends the look at the status, and compares what Slack has taken with what the status has told.

        Each outage must have made one alert and one recovery notice about its instance, each within ALERT_MAX; when
        Slack took none for a while, within RECOVERY_MAX of its return.
        """
        watch = self._watching()
        try:
            told = watch.judge(outages)
        finally:
            watch.abandon()
        record(measured=told.words, limit=current().environment.limits.words("ALERT_MAX"))

    @keyword(tags=["Check"])
    def no_alert_should_hold_a_secret(self) -> None:
        """Checks that nothing that arrived since `Watch Alerts`, taken or not, holds a password, a key or an address
        that is a credential."""
        number = alerts.secrets_in(self._watching().messages())
        record(evidence=f"{count(number, 'message')} without a credential")

    @keyword(tags=["Destructive"])
    def flap(self, instance: Role, times: int = 3) -> None:
        """Crashes an instance and brings it back, so many times; each time until the balancer has told it."""
        alerts.flap(current(), instance.value, times)
        record(evidence=f"{instance.value} crashed and returned {count(times, 'time')}")

    # ---------------------------------------------------------------- a channel that takes nothing

    @keyword(tags=["Destructive"])
    def make_slack_deaf(self, how: Deaf = Deaf.FAILING) -> None:
        """Makes Slack take nothing: ``failing`` (it answers 500), ``hanging`` or ``resetting``.

        `Slack Should Have Been Deaf` proves it, once a message is due.
        """
        current().require_faults()
        self._watching().deafen(how.value)

    @keyword(tags=["Check", "Wait"])
    def slack_should_have_been_deaf(self) -> None:
        """Waits until a message has arrived and was not taken, so that the premise of a test holds."""
        limits = current().environment.limits
        try:
            message = self._watching().wait_for_try(limits.failover_max + limits.alert_max)
        except NotMet as error:
            raise CouldNotObserve(error.sentence) from None
        answer = "not answered" if message.status is None else f"answered with {message.status}"
        record(evidence=f"a message was {answer}")

    @keyword(tags=["Action"])
    def let_slack_hear_again(self) -> None:
        """Ends `Make Slack Deaf`."""
        self._watching().hear()

    @keyword(tags=["Action"])
    def note_that_slack_is_reached_again(self) -> None:
        """Notes that messages get through from now on, after the way to Slack was disturbed."""
        self._watching().heard()

    @keyword(tags=["Check"])
    def nothing_should_wait_for_slack(self, samples: int = 50) -> None:
        """Checks that the balancer's health is answered as fast as ever (HEALTH_P95), with Slack as it is now."""
        bed = current()
        times = alerts.answer_times(bed, samples)
        record(
            measured=f"health p95 {duration(times.p95)} meanwhile",
            limit=bed.environment.limits.words("HEALTH_P95"),
        )
        if times.p95 > bed.environment.limits.health_p95.total_seconds():
            allowed = duration(bed.environment.limits.health_p95)
            slow = f"95 % of the health checks took up to {duration(times.p95)}; allowed are {allowed}"
            raise NotMet(VerdictClass.TOO_SLOW.says(slow))

    @keyword(tags=["Check"])
    def work_should_not_wait_for_slack(self, documents: int = 20) -> None:
        """Writes documents, reads each at once, and checks that each took no longer than FAILOVER_MAX."""
        bed = current()
        allowed = bed.environment.limits.failover_max.total_seconds()
        wrote, read = alerts.work_times(bed, documents)
        record(
            measured=f"slowest write {duration(wrote.longest)} and read {duration(read.longest)} meanwhile",
            limit=bed.environment.limits.words("FAILOVER_MAX"),
        )
        for what, times in (("write", wrote), ("read", read)):
            if times.longest > allowed:
                slow = f"with Slack as it is, a {what} took {duration(times.longest)}; allowed are {duration(allowed)}"
                raise NotMet(VerdictClass.TOO_SLOW.says(slow))

    # ---------------------------------------------------------------- the real channel

    @keyword(tags=["Check"])
    def real_channel_should_take_a_message(self) -> None:
        """Posts one message to the webhook in SIGNOFF_SLACK_WEBHOOK_URL, which must take it.

        Without that variable it is *not tested*.
        """
        record(measured=real_channel.post(os.environ.get(real_channel.VARIABLE, "")))

    def _come(self, instance: Role, notice: Notice, within: timedelta) -> None:
        took = self._watching().wait_for(instance.value, notice, within)
        record(evidence=f"{notice.value} about the {instance.value} after {duration(took)}")

    def _watching(self) -> alerts.AlertWatch:
        if self._watch is None:
            raise CouldNotObserve("alerts were not watched; Watch Alerts begins that")
        return self._watch
