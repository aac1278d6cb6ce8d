"""Whether each outage is told once, in time, of the right instance, and whether anything waits for a failing channel.

What has to be told comes from the status of the balancer, looked at all the while: an instance that it calls unhealthy
makes an alert, and one that it calls healthy again a recovery notice. Messages that were not taken are tries.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..clients.alerts import Message, Notice
from ..documents import differences, make_documents
from ..faults import control_plane, processes
from ..faults.alert_sink import hear, silence
from ..ledger import Kind
from ..polling import poll
from ..secrets import redact
from ..testbed import ROLES, Testbed
from ..traffic import Distribution, Sample, Sampler, distribution
from ..verdict import CouldNotObserve, NotMet, VerdictClass, summed_up, verdict_classes
from ..words import count, duration, listing
from .contents import create
from .health import healthy_again, wait_for_count
from .load import require_acknowledged

_LOOK_EVERY = timedelta(milliseconds=25)


@dataclass(frozen=True)
class Due:
    """A message that has to come.

    Attributes:
        seen: when the status told the transition, on the wall clock.
        within: how long it may take from then on.
    """

    role: str
    notice: Notice
    seen: datetime
    within: timedelta

    @property
    def words(self) -> str:
        """What it is, in words."""
        return f"the {self.notice.value} about the {self.role}"


@dataclass(frozen=True)
class Told:
    """What was told.

    Attributes:
        delays: from each transition to its message, in seconds.
        tries: how many messages arrived without being taken.
    """

    outages: int
    delays: tuple[float, ...]
    tries: int

    @property
    def words(self) -> str:
        """The figures, for the page."""
        tried = f"; {count(self.tries, 'try', 'tries')} not taken" if self.tries else ""
        return (
            f"{count(self.outages, 'outage')}: as many alerts and recovery notices, after {duration(max(self.delays))} "
            f"at most{tried}"
        )


class AlertWatch:
    """Looks at the status, and remembers which messages are old.

    Args:
        bed: the deployment.

    Raises:
        NotTested: if alerts can't be read back.
        CouldNotObserve: if the recovery notice of an earlier outage is still missing.
    """

    def __init__(self, bed: Testbed) -> None:
        self._bed = bed
        self._old = len(settled(bed))
        self._deaf_until: datetime | None = None
        self._status: Sampler[Mapping[str, bool]] = Sampler(self._look, _LOOK_EVERY).start()

    def messages(self) -> list[Message]:
        """Return what has arrived since the watch began.

        Raises:
            CouldNotObserve: if the sink has lost what arrived before.
        """
        everything = self._bed.alerts.messages()
        if len(everything) < self._old:
            raise CouldNotObserve("the alert sink has forgotten its messages")
        return everything[self._old :]

    def deafen(self, mode: str) -> None:
        """Make the channel fail from now on."""
        silence(self._bed, mode)

    def hear(self) -> None:
        """Let the channel take messages again."""
        hear(self._bed)
        self.heard()

    def heard(self) -> None:
        """Note that the channel takes messages from now on."""
        self._deaf_until = datetime.now().astimezone()

    def wait_for(self, role: str, notice: Notice, within: timedelta) -> float:
        """Wait until a message of a kind about an instance was taken; return the seconds that took."""
        begin = time.monotonic()
        poll(
            lambda: [one for one in self.messages() if one.taken and one.notice is notice and one.roles == {role}],
            bool,
            within=within,
            what=f"The {notice.value} about the {role} arrives",
            describe=lambda _: self._instead(),
        )
        return time.monotonic() - begin

    def _instead(self) -> str:
        """What came instead of a message that is waited for, in words with its class."""
        messages = self.messages()
        surplus = [named for one in surplus_of(self._due(), messages) for named in verdict_classes(one)]
        wrong = VerdictClass.ALERT_WRONG if VerdictClass.ALERT_WRONG in surplus else VerdictClass.ALERT_MISSING
        return wrong.says(listing([one.text for one in messages]) or "no message")

    def wait_for_try(self, within: timedelta) -> Message:
        """Wait until a message has arrived and was not taken, which proves that the channel fails."""
        return poll(
            lambda: [one for one in self.messages() if not one.taken],
            bool,
            within=within,
            what="A message meets the failing channel",
            describe=lambda found: count(len(found), "message"),
        )[-1]

    def judge(self, outages: int) -> Told:
        """Judge what was told; :meth:`abandon` ends the watch.

        Args:
            outages: how many there must have been, so that something was judged.

        Raises:
            NotMet: if something was not told, or too late, or more often, or of another instance.
            CouldNotObserve: if the status did not tell so many outages.
        """
        limits = self._bed.environment.limits
        try:
            due = poll(
                self._due,
                lambda due: len(due) >= 2 * outages,
                within=limits.recovery_max,
                what=f"The status tells {count(outages, 'whole outage')}",
                describe=lambda due: listing([f"{one.role} {one.notice.value}" for one in due]) or "nothing",
            )
        except NotMet as error:
            raise CouldNotObserve(error.sentence) from None
        if len(due) != 2 * outages:
            raise CouldNotObserve(f"the status told {len(due) / 2:g} outages, and {outages} were made")
        while True:
            messages = self.messages()
            arrivals = [one.at for one in messages if one.taken and one.notice is not Notice.OTHER]
            # The last one due ends the wait; a second message for an outage is looked for a little longer.
            latest = max(one.seen if len(arrivals) >= len(due) else one.seen + one.within for one in due)
            if surplus_of(due, messages) or datetime.now().astimezone() >= max([latest, *arrivals]) + limits.alert_max:
                break
            time.sleep(_LOOK_EVERY.total_seconds())
        return judged(self._due(), messages, outages)

    def abandon(self) -> None:
        """End without a judgement."""
        self._status.stop()

    def _look(self) -> Mapping[str, bool]:
        instances = self._bed.balancer.status().instances
        return {role: instances[role].healthy for role in ROLES}

    def _due(self) -> list[Due]:
        limits = self._bed.environment.limits
        return due_by(self._status.samples(), limits.alert_max, self._deaf_until, limits.recovery_max)


def unfinished(messages: Sequence[Message]) -> list[str]:
    """Return the instances whose last message is an alert: their recovery notice is still to come."""
    last = {role: one for one in messages if one.taken and one.notice is not Notice.OTHER for role in one.roles}
    return sorted(role for role, one in last.items() if one.notice is Notice.ALERT)


def settled(bed: Testbed) -> list[Message]:
    """Wait until nothing of an earlier outage is on its way, and return all messages.

    Raises:
        CouldNotObserve: if a recovery notice is still missing after RECOVERY_MAX.
    """
    try:
        return poll(
            bed.alerts.messages,
            lambda messages: not unfinished(messages),
            within=bed.environment.limits.recovery_max,
            what="The recovery notice of each earlier outage has come",
            describe=lambda messages: f"none about the {listing(unfinished(messages))}",
        )
    except NotMet as error:
        raise CouldNotObserve(error.sentence) from None


def due_by(
    samples: Sequence[Sample[Mapping[str, bool]]],
    alert_max: timedelta,
    deaf_until: datetime | None = None,
    late_max: timedelta = timedelta(0),
) -> list[Due]:
    """Return what has to be told, by what the status said, in its order.

    Args:
        samples: looks at the status: each instance's health by its role.
        alert_max: how long a message may take.
        deaf_until: when the channel began to take messages, if it did not before.
        late_max: how long a message may take from then on.
    """
    offset = datetime.now().astimezone() - timedelta(seconds=time.monotonic())
    before = dict.fromkeys(ROLES, True)
    due = []
    for sample in samples:
        for role, healthy in (sample.value or {}).items():
            if healthy == before[role]:
                continue
            before[role] = healthy
            seen = offset + timedelta(seconds=sample.started)
            latest = seen + alert_max
            if deaf_until is not None:
                latest = max(latest, deaf_until + late_max)
            due.append(Due(role, Notice.RECOVERY if healthy else Notice.ALERT, seen, latest - seen))
    return due


def surplus_of(due: Sequence[Due], messages: Sequence[Message]) -> list[str]:
    """Return which messages are too many, in words with their classes."""
    found = []
    for role in ROLES:
        for notice in (Notice.ALERT, Notice.RECOVERY):
            wanted = sum((one.role, one.notice) == (role, notice) for one in due)
            came = sum(one.taken and one.notice is notice and role in one.roles for one in messages)
            if came > wanted:
                noun = {Notice.ALERT: "alert", Notice.RECOVERY: "recovery notice"}[notice]
                wrong = VerdictClass.ALERT_DUPLICATE if wanted else VerdictClass.ALERT_WRONG
                found.append(wrong.says(f"{count(came, noun)} about the {role}, and {wanted} due"))
    return found


def judged(due: Sequence[Due], messages: Sequence[Message], outages: int) -> Told:
    """Compare what was due with what was told.

    Raises:
        NotMet: if they are not the same, in the same order for each instance, and in time.
    """
    taken = [one for one in messages if one.taken and one.notice is not Notice.OTHER]
    found = [
        VerdictClass.ALERT_WRONG.says(f"a message names {listing(sorted(one.roles)) or 'no instance'}")
        for one in taken
        if len(one.roles) != 1
    ]
    found += surplus_of(due, messages)
    delays = []
    for role in ROLES:
        came = [one for one in taken if one.roles == {role}]
        wanted = [one for one in due if one.role == role]
        for number, one in enumerate(wanted):
            if number >= len(came):
                found.append(VerdictClass.ALERT_MISSING.says(f"{one.words} did not come"))
            elif came[number].notice is not one.notice:
                instead = f"in place of {one.words} came: {came[number].text}"
                found.append(_class_of_other(one.notice, wanted, came).says(instead))
            elif came[number].at > one.seen + one.within:
                took = duration((came[number].at - one.seen).total_seconds())
                late = f"{one.words} came after {took}, allowed are {duration(one.within)}"
                found.append(VerdictClass.ALERT_MISSING.says(late))
            else:
                delays.append(max(0.0, (came[number].at - one.seen).total_seconds()))
    if found:
        raise NotMet(summed_up(found))
    return Told(outages, tuple(delays), sum(not one.taken for one in messages))


def _class_of_other(notice: Notice, wanted: Sequence[Due], came: Sequence[Message]) -> VerdictClass:
    """The class of another message in place of one that was due, of all that were due and came about an instance."""
    due, told = sum(one.notice is notice for one in wanted), sum(one.notice is notice for one in came)
    if told < due:
        return VerdictClass.ALERT_MISSING
    # One that came twice pushes those behind it from their places.
    return VerdictClass.ALERT_DUPLICATE if len(came) > len(wanted) else VerdictClass.ALERT_WRONG


def flap(bed: Testbed, role: str, times: int) -> None:
    """Crash an instance and bring it back, several times; each time until the balancer has told it."""
    for _ in range(times):
        processes.crash(bed, role)
        wait_for_count(bed, 1, bed.environment.limits.failover_max)
        control_plane.resume(bed, role)
        healthy_again(bed, role, bed.environment.limits.recovery_max)


def secrets_in(messages: Sequence[Message]) -> int:
    """Check that no message, taken or not, holds a credential; return how many were looked at.

    Raises:
        NotMet: if one does; it is not shown.
        CouldNotObserve: if there is none to look at.
    """
    if not messages:
        raise CouldNotObserve("no message arrived, so none could hold a secret")
    leaking = [one for one in messages if redact(one.payload) != one.payload]
    if leaking:
        held = f"{count(len(leaking), 'message')} of {len(messages)} held a credential: {redact(leaking[0].text)}"
        raise NotMet(VerdictClass.LEAKED_SECRET.says(held))
    return len(messages)


def work_times(bed: Testbed, number: int) -> tuple[Distribution, Distribution]:
    """Write documents one after another, read each at once, and return the figures of the writes and of the reads.

    Raises:
        NotMet: if a write is not acknowledged, or a read does not give what was written.
    """
    name, session = bed.fresh_name("meanwhile"), bed.session("meanwhile")
    create(bed, name, None)
    wrote, read = [], []
    for index, document in enumerate(make_documents(session, number, token="meanwhile"), 1):
        done = bed.write(f"{session}/{index}", Kind.ADD, name, [document])
        require_acknowledged(bed, [done])
        begin = time.monotonic()
        seen = bed.through_balancer.get(name, [document.id])
        wrote.append(done.ended - done.started)
        read.append(time.monotonic() - begin)
        if wrong := differences({document.id: document}, seen, " as the balancer reads it"):
            raise NotMet(VerdictClass.STALE.says(listing(wrong)))
    return distribution(wrote), distribution(read)


def answer_times(bed: Testbed, samples: int) -> Distribution:
    """Ask the balancer for its health again and again, whatever it is, and return the figures.

    Raises:
        NotMet: if an answer fails.
    """
    times = []
    for number in range(samples):
        try:
            times.append(bed.balancer.health().elapsed)
        except CouldNotObserve as error:
            raise NotMet(bed.unserved().says(f"health check {number + 1} failed: {error.sentence}")) from None
    return distribution(times)
