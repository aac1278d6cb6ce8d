"""Whether the balancer follows its settings: an unusable one stops its start, and a usable one shows its effect."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import pairwise
from urllib.parse import urlsplit

import psutil

from ..clients.instances import COLLECTIONS
from ..clients.wire import NoAnswer, Reply, Wire
from ..documents import make_documents
from ..faults import control_plane
from ..faults.local_processes import family, identity, main_process, tell
from ..faults.proxies import Toxic, hits, toxic
from ..ledger import Kind
from ..places import ROOT
from ..polling import poll
from ..ports import unused_port
from ..testbed import Testbed, own_endpoints
from ..traffic import Sampler, at_once
from ..verdict import CouldNotObserve, NotMet, NotTested, VerdictClass
from ..words import count, duration, listing, shortened
from .contents import hold_exactly
from .load import require_acknowledged

_ENDS_WITHIN = timedelta(seconds=30)
_LOOK_EVERY = timedelta(milliseconds=15)
# Timers and a busy machine may add this much to what a setting promises.
_SLACK = 0.5

# ---------------------------------------------------------------- refused starts


@dataclass(frozen=True)
class Mistake:
    """A setting that can't be used.

    Attributes:
        value: what the variable is set to; "" if it is not set at all.
        allowed: words that say what is allowed, each of which the refusal has to have.
        secret: whether the value must not be shown.
    """

    name: str
    value: str
    allowed: tuple[str, ...] = ()
    secret: bool = False


def refused(bed: Testbed, mistakes: Sequence[Mistake]) -> str:
    """Start the balancer of this deployment alone, with mistakes in its settings; return what it said of them.

    The other settings are those of the deployment of the test's own, on a port of its own.

    Raises:
        NotMet: if it starts, or doesn't name each mistake in a line of its own, all of them at once.
        CouldNotObserve: if there is no deployment of the test's own.
    """
    printed = _ended(bed, mistakes)
    for mistake in mistakes:
        if problem := refusal_problem(printed, mistake):
            wrong = VerdictClass.LEAKED_SECRET if shows_secret(printed, mistake) else VerdictClass.IGNORED_SETTING
            raise NotMet(wrong.says(f"{problem}; the balancer said: {_without_secrets(printed, mistakes)}"))
    named = [line.strip() for line in printed.splitlines() if any(names(line, one.name) for one in mistakes)]
    return shortened("; ".join(named), 600)


def refusal_problem(printed: str, mistake: Mistake) -> str:
    """Return what is wrong with how a balancer refused a setting; "" if nothing is.

    Args:
        printed: all that it printed before it ended.
    """
    if shows_secret(printed, mistake):
        return f"the value of {mistake.name}, which is secret, was shown"
    lines = [line for line in printed.splitlines() if names(line, mistake.name)]
    if len(lines) != 1:
        return f"{mistake.name} was named in {count(len(lines), 'line')} instead of one"
    rest = re.sub(rf"\b{mistake.name}\b", "", lines[0])
    if mistake.value and not mistake.secret:
        if mistake.value not in rest:
            return f"the refusal does not show the value {mistake.value} of {mistake.name}"
        rest = rest.replace(mistake.value, "", 1)
    if missing := [word for word in mistake.allowed if word.casefold() not in rest.casefold()]:
        return f"the refusal of {mistake.name} does not say what is allowed ({listing(missing)})"
    return "the refusal is a traceback" if "Traceback (most recent call last)" in printed else ""


def shows_secret(printed: str, mistake: Mistake) -> bool:
    """Whether a secret value, or a part of it, is in what a balancer printed."""
    return any(part in printed for part in _secret_parts(mistake))


def names(line: str, variable: str) -> bool:
    """Whether a line names a variable."""
    return re.search(rf"\b{variable}\b", line) is not None


def _secret_parts(mistake: Mistake) -> list[str]:
    if not mistake.secret or not mistake.value:
        return []
    parts = urlsplit(mistake.value)
    return [part for part in (mistake.value, parts.password, parts.path.rpartition("/")[2]) if part and len(part) > 7]


def _without_secrets(printed: str, mistakes: Sequence[Mistake]) -> str:
    for part in (part for mistake in mistakes for part in _secret_parts(mistake)):
        printed = printed.replace(part, "…")
    return shortened(printed, 400) or "nothing"


def _ended(bed: Testbed, mistakes: Sequence[Mistake]) -> str:
    """Start the balancer alone, wait until it has ended, and return what it printed."""
    port = unused_port()
    variables = {**os.environ, **own_endpoints(), "PORT": str(port)}
    for mistake in mistakes:
        variables.pop(mistake.name, None)
        if mistake.value:
            variables[mistake.name] = mistake.value
    wire = Wire("the balancer", f"http://127.0.0.1:{port}", timeout=timedelta(seconds=0.5))
    given = listing([f"{one.name}={'…' if one.secret else one.value}" for one in mistakes], 9)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        # The stack knows which command the balancer is started by, also if it is not the reference one.
        process = subprocess.Popen(
            [sys.executable, "-m", "stack", "balancer"], cwd=ROOT, env=variables, stdout=output, stderr=output
        )
        try:
            code = _wait_for_end(process, wire, bed.environment.dialect.paths["health"], given)
        finally:
            _end(process)
        output.seek(0)
        printed = output.read()
    if code == 0:
        well = f"a balancer with {given} ended as if all was well (exit code 0)"
        raise NotMet(VerdictClass.IGNORED_SETTING.says(well))
    return printed


def _wait_for_end(process: subprocess.Popen[bytes], wire: Wire, health: str, given: str) -> int:
    deadline = time.monotonic() + _ENDS_WITHIN.total_seconds()
    while time.monotonic() < deadline:
        code = process.poll()
        if code is not None:
            return code
        if _serves(wire, health):
            raise NotMet(VerdictClass.IGNORED_SETTING.says(f"the balancer was started with {given}, and serves"))
        time.sleep(0.02)  # until it has ended
    neither = f"a balancer with {given} neither served nor ended within {duration(_ENDS_WITHIN)}"
    raise NotMet(VerdictClass.IGNORED_SETTING.says(neither))


def _serves(wire: Wire, path: str) -> bool:
    try:
        return wire.get(path).status in (200, 503)
    except NoAnswer:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None and (root := identity(process.pid)) is not None:
        tell(family(root), signal.SIGKILL)
    process.wait()


# ---------------------------------------------------------------- effects


def setting(name: str) -> str:
    """Return what the balancer of the deployment of the test's own was started with.

    Raises:
        CouldNotObserve: if there is none, or the stack doesn't tell.
    """
    endpoints = own_endpoints()
    if name not in endpoints:
        raise CouldNotObserve(f"the local stack does not tell its {name}")
    return endpoints[name]


def mode(bed: Testbed) -> str:
    """Check that the status shows the configured sync mode; return it in words."""
    expected, shown = setting("SYNC_MODE"), bed.balancer.status().mode
    if shown != expected:
        raise NotMet(VerdictClass.IGNORED_SETTING.says(f"the status shows the mode {shown}; SYNC_MODE is {expected}"))
    return f"mode {shown}"


def tasks_of_mode(bed: Testbed, name: str) -> str:
    """Check by the tasks themselves who has worked off a backlog: workers if SYNC_MODE is distributed, else nobody.

    Args:
        name: a collection of which an instance owed much, and does no longer.

    Raises:
        NotMet: if the tasks are of the other mode.
        NotTested: if no workers were started.
    """
    mode, tasks, all_tasks = setting("SYNC_MODE"), bed.database.sync_tasks(name), bed.database.all_sync_tasks()
    if mode == "distributed" and not bed.database.sync_workers():
        raise NotTested("the deployment was started without sync workers")
    if mode == "distributed" and not tasks:
        raise NotMet(VerdictClass.IGNORED_SETTING.says(f"SYNC_MODE is {mode}, and a backlog was cut into no tasks"))
    if mode == "traditional" and all_tasks:
        there = f"SYNC_MODE is {mode}, and there {'is' if all_tasks == 1 else 'are'} {count(all_tasks, 'task')}"
        raise NotMet(VerdictClass.IGNORED_SETTING.says(there))
    return f"mode {mode}: a backlog was brought by {count(len(tasks), 'task')}"


def listens(bed: Testbed) -> str:
    """Check that the balancer listens on the PORT that its process was given.

    Raises:
        NotMet: if it doesn't.
        NotTested: if its processes are not on this machine.
    """
    root = main_process(bed.environment, "balancer")
    given = psutil.Process(root.pid).environ().get("PORT", "")
    open_ports: set[int] = set()
    for one in family(root):
        with suppress(psutil.NoSuchProcess):  # it has ended, and listens no more
            connections = psutil.Process(one.pid).net_connections(kind="tcp")
            open_ports |= {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
    if not given.isdecimal() or int(given) not in open_ports:
        where = listing([str(port) for port in sorted(open_ports)]) or "no port"
        raise NotMet(VerdictClass.IGNORED_SETTING.says(f"PORT is {given or 'not set'}, and it listens on {where}"))
    own = Wire("the balancer", f"http://127.0.0.1:{given}", timeout=timedelta(seconds=5))
    if not _serves(own, bed.environment.dialect.paths["health"]):
        raise NotMet(VerdictClass.IGNORED_SETTING.says(f"PORT is {given}, and nobody answers there"))
    return f"the balancer serves at its PORT, {given}"


def times_out(bed: Testbed, name: str) -> str:
    """Send a read and a write that no instance answers in time; each must be given up when REQUEST_TIMEOUT says.

    The ways to both instances have to be slower than that.

    Raises:
        NotMet: if one is answered otherwise than with 503, or not at that time.
    """
    limit = bed.environment.settings.request_timeout.total_seconds()
    session = bed.session("timeout")
    document = make_documents(session, 1, token="timeout")[0]

    def write() -> tuple[str, int, float]:
        done = bed.write(f"{session}/1", Kind.ADD, name, [document])
        return "a write", done.status or 0, done.ended - done.started

    def read() -> tuple[str, int, float]:
        reply = _read(bed, name)
        return "a read", reply.status, reply.elapsed

    answered = at_once([write, read], 2)
    for what, status, seconds in answered:
        if status != 503:
            other = f"{what} that no instance could answer in time was answered with {status or 'nothing'}"
            raise NotMet(VerdictClass.PROTOCOL.says(other))
        if not limit - 0.1 <= seconds <= limit + 2 * _SLACK:
            given_up = f"{what} was given up after {duration(seconds)}; REQUEST_TIMEOUT is {duration(limit)}"
            raise NotMet(VerdictClass.IGNORED_SETTING.says(given_up))
    return ", ".join(f"{what} given up after {duration(seconds)}" for what, _, seconds in answered)


def _read(bed: Testbed, name: str) -> Reply:
    path = f"{COLLECTIONS}/{bed.tracked(name).id}/get"
    return bed.through_balancer.wire.call("POST", path, payload={"limit": 1})


@dataclass(frozen=True)
class Admission:
    """How reads that came at the same time were treated.

    Attributes:
        first: how many were served at once.
        second: how many were served when those were done.
        refused: how many were refused.
        others: answers that are neither, in words.
    """

    first: int
    second: int
    refused: int
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = f", {listing(self.others)}" if self.others else ""
        return f"{self.first} served at once, {self.second} after them, {self.refused} refused{more}"


def admission(answers: Sequence[tuple[int, float]]) -> Admission:
    """Tell how reads that came at the same time were treated.

    Args:
        answers: status and seconds of each; those that are served all take the same time once they are at work.
    """
    served = sorted(seconds for status, seconds in answers if status == 200)
    first = [seconds for seconds in served if seconds < served[0] * 1.5]
    others = tuple(f"one answered with {status}" for status, _ in answers if status not in (200, 503))
    refused = sum(status == 503 for status, _ in answers)
    return Admission(len(first), len(served) - len(first), refused, others)


def admitted(bed: Testbed, name: str) -> str:
    """Send more reads at once than MAX_CONCURRENT_REQUESTS and REQUEST_QUEUE_SIZE let in; judge who was let in.

    The ways to both instances have to be slow, so that all reads are there at the same time.

    Raises:
        NotMet: if more or fewer were at work at the same time, or waited, than the settings say.
    """
    most, queue = int(setting("MAX_CONCURRENT_REQUESTS")), int(setting("REQUEST_QUEUE_SIZE"))
    if not 0 < queue <= most:
        raise CouldNotObserve(f"a queue of {queue} for {most} at work can't be told apart by time")
    number = most + queue + 5
    replies = at_once([partial(_read, bed, name)] * number, number)
    seen = admission([(reply.status, reply.elapsed) for reply in replies])
    if seen != Admission(most, queue, 5):
        promised = f"MAX_CONCURRENT_REQUESTS={most} and REQUEST_QUEUE_SIZE={queue} promise {Admission(most, queue, 5)}"
        raise NotMet(VerdictClass.IGNORED_SETTING.says(f"of {number} reads at once {seen}; {promised}"))
    return f"of {number} reads at once {seen}"


def tried_again(bed: Testbed, name: str) -> str:
    """Let the replica refuse a write again and again; once it has settled, it must be tried every WAL_SYNC_INTERVAL.

    Raises:
        NotMet: if the tries are further apart, or closer together.
    """
    interval = float(setting("WAL_SYNC_INTERVAL"))
    session = bed.session("retry")
    with toxic(bed, "replica", Toxic("refused", "status", {"status": 500, "forward": 0}, path="/add")) as fault:
        tries: Sampler[int] = Sampler(lambda: hits(bed, "replica", fault).met, _LOOK_EVERY)
        tries.start()
        try:
            require_acknowledged(bed, [bed.write(session, Kind.ADD, name, make_documents(session, 1, token="retry"))])
            enough = steps(interval) + 4
            poll(
                lambda: hits(bed, "replica", fault).met,
                lambda met: met >= enough,
                within=timedelta(seconds=(enough + 4) * (interval + _SLACK)),
                what=f"A write that the replica refuses is tried {enough} times",
                describe=lambda met: count(met, "try", "tries"),
                verdict=VerdictClass.IGNORED_SETTING,
            )
        finally:
            samples = tries.stop()
    moments = rises([(sample.ended, sample.value) for sample in samples if sample.value is not None])
    gaps = [later - earlier for earlier, later in pairwise(moments)][-3:]
    return _judge_gaps(gaps, interval, "a refused write was tried again", "WAL_SYNC_INTERVAL")


def steps(interval: float) -> int:
    """Return how many tries it takes to reach an interval, if the first pauses are 50 ms and double."""
    return max(1, math.ceil(math.log2(interval / 0.05)) + 1)


def rises(samples: Sequence[tuple[float, int]]) -> list[float]:
    """Return the moments at which a counter was first seen higher than before.

    Args:
        samples: moment and count, in order.
    """
    return [moment for (_, before), (moment, now) in pairwise(samples) for _ in range(now - before)]


def _judge_gaps(gaps: Sequence[float], interval: float, what: str, name: str) -> str:
    if len(gaps) < 2:
        raise CouldNotObserve(f"{what} too few times to tell an interval")
    for gap in gaps:
        if not 0.7 * interval <= gap <= interval + _SLACK:
            after = f"{what} after {duration(gap)}; {name} is {duration(interval)}"
            raise NotMet(VerdictClass.IGNORED_SETTING.says(after))
    return f"{what} after {listing([duration(gap) for gap in gaps])}"


def caught_up_in_batches(bed: Testbed, name: str, at_most: int) -> str:
    """Let the replica, which is suspended and owes documents, return; count the requests that bring them.

    Args:
        at_most: how many documents one request may have.

    Raises:
        NotMet: if there were so few requests that one must have had more, or the status shows another batch size.
    """
    owed = owed_documents(bed, name)
    if owed < 2 * at_most:
        raise CouldNotObserve(f"the replica owes {count(owed, 'document')}, too few to tell batches of {at_most}")
    shown = poll(
        lambda: bed.balancer.status().batch_size,
        lambda size: size == at_most,
        within=timedelta(seconds=2 + 8 * float(setting("RESOURCE_CHECK_INTERVAL"))),
        what=f"With a backlog the status shows the batch size that the settings allow, {at_most}",
        describe=lambda size: f"batch size {size}",
        verdict=VerdictClass.IGNORED_SETTING,
    )
    met = requests_of_catch_up(bed, name)
    least = math.ceil(owed / at_most)
    if met < least:
        few = f"{owed} owed documents came in {count(met, 'request')}, so some had more than {at_most}"
        raise NotMet(VerdictClass.IGNORED_SETTING.says(few))
    return f"{owed} owed documents came in {count(met, 'request')}, batch size {shown}"


def owed_documents(bed: Testbed, name: str) -> int:
    """Return how many added documents of a collection some instance still owes, by the write-ahead log.

    The status counts writes of every kind: the creation of the collection may be owed, too.
    """
    rows = [row for row in bed.database.log_rows(name) if row.path.endswith("/add") and not row.is_history]
    return sum(len(json.loads(row.data or "{}").get("ids", ())) for row in rows)


def requests_of_catch_up(bed: Testbed, name: str) -> int:
    """Resume the replica, wait until it holds everything, and return how many requests added documents to it."""
    # A delay that nobody notices: it is there to count.
    with toxic(bed, "replica", Toxic("counted", "latency", {"latency": 1}, path="/add")) as counter:
        control_plane.resume(bed, "replica")
        hold_exactly(bed, [name], ["replica"], bed.environment.limits.sync_lag_max)
        return hits(bed, "replica", counter).met


def memory_measured(bed: Testbed) -> str:
    """Compare the memory that the status shows with that of the process itself and MAX_MEMORY_MB.

    Raises:
        NotMet: if they differ by more than a fifth.
        NotTested: if the process is not on this machine.
    """
    limit = int(setting("MAX_MEMORY_MB"))
    shown = bed.balancer.status().memory_percent
    real = 100 * resident_mb(bed) / limit
    if not 0.8 * real <= shown <= 1.2 * real:
        untrue = f"the status shows {shown:.0f} % of MAX_MEMORY_MB={limit}, and its processes use {real:.0f} %"
        raise NotMet(VerdictClass.LYING_STATUS.says(untrue))
    return f"memory {shown:.0f} % of {limit} MB by the status, {real:.0f} % by its processes"


def resident_mb(bed: Testbed) -> float:
    """Return the memory of all processes of the balancer, in MB of 2^20 bytes.

    Raises:
        NotTested: if they are not on this machine.
    """
    total = 0
    for one in family(main_process(bed.environment, "balancer")):
        try:
            total += psutil.Process(one.pid).memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def looked_at_memory(bed: Testbed) -> str:
    """Check that memory above MEMORY_THRESHOLD_PERCENT is counted once every RESOURCE_CHECK_INTERVAL.

    Raises:
        NotMet: if it is not counted, or at another interval.
    """
    interval, threshold = float(setting("RESOURCE_CHECK_INTERVAL")), float(setting("MEMORY_THRESHOLD_PERCENT"))
    status = bed.balancer.status()
    if status.memory_percent <= threshold:
        raise CouldNotObserve(f"the balancer uses {status.memory_percent:.0f} % of its memory, below {threshold:g} %")
    events: Sampler[int] = Sampler(lambda: bed.balancer.status().memory_pressure_events, _LOOK_EVERY)
    events.start()
    try:
        poll(
            lambda: bed.balancer.status().memory_pressure_events,
            lambda number: number >= status.memory_pressure_events + 4,
            within=timedelta(seconds=8 * (interval + _SLACK)),
            what=f"Memory above {threshold:g} % is counted 4 times",
            describe=lambda number: count(number - status.memory_pressure_events, "time"),
            verdict=VerdictClass.IGNORED_SETTING,
        )
    finally:
        samples = events.stop()
    moments = rises([(sample.ended, sample.value) for sample in samples if sample.value is not None])
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    return _judge_gaps(gaps, interval, "memory pressure was counted", "RESOURCE_CHECK_INTERVAL")
