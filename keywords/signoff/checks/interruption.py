"""Whole runs, interrupted on purpose: what they broke is mended, and nothing is claimed."""

from __future__ import annotations

import html
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from ..environment import RESOURCES
from ..faults import processes, proxies
from ..faults.guard import Use
from ..faults.undo import unresolved
from ..leftovers import PURGE, leftovers
from ..places import ROOT
from ..polling import poll
from ..testbed import ROLES, Testbed, own_endpoints
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import count, listing, sentences, shortened
from .subruns import new_folder

_BROKEN_WITHIN = timedelta(seconds=60)
_HOLDS_FOR = timedelta(seconds=120)
"""How long a run that is meant to be interrupted waits for it."""
_ENDED_WITHIN = timedelta(seconds=90)
_TIMEOUT = timedelta(seconds=1)
SUITE = ROOT / "suites" / "failover" / "recovery.robot"
"""What is interrupted: it suspends the replica."""
EVERY_FAULT = RESOURCES / "lifecycle" / "breaks.robot"
"""What is lost with its machine: it freezes the replica last, and breaks much before."""
_ROLE = "replica"
_FAULTS = 5
"""How many of them: one of each kind that the undo journal has."""
_PURGE = "purge"
_MENDED = "Mended what was left broken: "
_NOT_YET, _ENDED = "it is at work", "it has ended"
_HARMLESS = ROOT / "suites" / "production" / "prerequisites.robot"


@dataclass
class Run:
    """A sign-off in processes of its own.

    Attributes:
        folder: its results.
        printed: what it said, once it has ended.
    """

    process: subprocess.Popen[str]
    folder: Path
    printed: str = ""
    processes: list[psutil.Process] = field(default_factory=list)

    @property
    def undo(self) -> Path:
        return self.folder / "undo"

    def wait(self) -> int:
        """Return its exit code."""
        try:
            self.printed = self.process.communicate(timeout=_ENDED_WITHIN.total_seconds())[0]
        except subprocess.TimeoutExpired:
            self.kill()
            endless = f"the interrupted run did not end within {_ENDED_WITHIN.total_seconds():g} s"
            raise NotMet(VerdictClass.UNGUARDED.says(endless)) from None
        return self.process.returncode

    def workers(self) -> list[psutil.Process]:
        """Return the processes that run suites now."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in found if {"robot", "-m"} <= set(_command(one)) or _program(one) == "robot"]

    def kill(self) -> None:
        """Kill all of it at once, as a machine that is lost does."""
        try:
            self.processes = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            self.processes = []
        for number in (self.process.pid, *(one.pid for one in self.processes)):
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()

    def report(self) -> dict[str, Any]:
        """Return its signoff.json."""
        try:
            report: dict[str, Any] = json.loads((self.folder / "signoff.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            without = f"the run left no signoff.json; it said: {shortened(self.printed)}"
            raise NotMet(VerdictClass.UNGUARDED.says(without)) from None
        return report


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _program(process: psutil.Process) -> str:
    """The name of the script that an interpreter runs."""
    words = _command(process)
    return Path(words[1]).name if len(words) > 1 else ""


@contextmanager
def run_until_broken(bed: Testbed, suite: Path = SUITE, broken: int = 1) -> Iterator[Run]:
    """Start a sign-off on the deployment of this test's own, and go on when it has broken what it is going to break.

    Args:
        broken: how many faults that is.

    Raises:
        CouldNotObserve: if it doesn't get there.
    """
    run = _start(bed, suite)
    try:
        try:
            seen = poll(
                lambda: _how_far(bed, run, broken),
                lambda far: far != _NOT_YET,
                within=_BROKEN_WITHIN,
                every=timedelta(milliseconds=20),
                what="The run that is to be interrupted has broken something",
            )
        except NotMet as error:
            raise CouldNotObserve(error.sentence) from None
        if seen == _ENDED:
            run.wait()
            raise CouldNotObserve(f"the run that was to be interrupted ended by itself: {shortened(run.printed)}")
        yield run
    finally:
        if run.process.poll() is None:
            run.kill()
        bed.guard.take(Use.ALONE, timedelta(seconds=10))


def _how_far(bed: Testbed, run: Run, broken: int) -> str:
    if run.process.poll() is not None:
        return _ENDED
    return f"the {_ROLE} is away" if len(unresolved(run.undo)) >= broken and not _answers(bed) else _NOT_YET


def wait_for_it() -> None:
    """Wait until somebody ends this process, as a run that is there to be interrupted does.

    Raises:
        CouldNotObserve: if nobody does.
    """
    try:
        poll(lambda: False, bool, within=_HOLDS_FOR, what="This run is interrupted", describe=lambda _: "nobody did")
    except NotMet as error:
        raise CouldNotObserve(error.sentence) from None


def interrupted_by_ctrl_c(bed: Testbed) -> str:
    """Interrupt a run as a person does; say what became of it.

    Raises:
        NotMet: if it doesn't mend what it broke, or doesn't say what did not run and what it left over.
    """
    with run_until_broken(bed) as run:
        os.killpg(run.process.pid, signal.SIGINT)
        code = run.wait()
        _require_mended(bed, run)
        _require_incomplete(run, code, "interrupted")
        left = _require_told_and_purged(bed, run)
        return f"after Ctrl-C the {_ROLE} answers, exit code {code}; {_what_was_told(run, left)}"


def killed_worker(bed: Testbed) -> str:
    """Kill the process that runs the suite; the run has to notice, to mend what it broke, and to say what is missing.

    Raises:
        NotMet: if it doesn't.
    """
    with run_until_broken(bed) as run:
        workers = run.workers()
        if not workers:
            raise CouldNotObserve("no process of the run could be told to be a worker")
        for worker in workers:
            worker.kill()
        code = run.wait()
        _require_mended(bed, run)
        _require_incomplete(run, code, "ended")
        left = _require_told_and_purged(bed, run)
        return f"after a worker was killed the {_ROLE} answers, exit code {code}; {_what_was_told(run, left)}"


def lost_machine(bed: Testbed) -> str:
    """Kill a whole run at once that has broken all that can be broken; the next one has to mend every fault of it.

    A report of the lost run has to say what did not run; and what it left over is told by the next run, and purged.

    Raises:
        NotMet: if not.
    """
    with run_until_broken(bed, EVERY_FAULT, broken=_FAULTS) as run:
        _require_broken(bed, _FAULTS)
        run.kill()
        # A locked store is free again when its holder is gone; only the journal is left to be put right.
        _require_broken(bed, _FAULTS - 1)
        reporting = _start(bed, "report", run.folder)
        _require_incomplete(reporting, reporting.wait(), "")
        following = _start(bed, _HARMLESS, run.folder)
        code = following.wait()
        _require_mended(bed, run, still_broken)
        mended = following.printed.partition(_MENDED)[2].partition("\n")[0]
        if missing := [target for target in ("primary", "replica", "monitor", "alert sink") if target not in mended]:
            silent = f"the next run did not say that it mended {listing(missing)}: {shortened(following.printed)}"
            raise NotMet(VerdictClass.UNGUARDED.says(silent))
        left = _require_told_and_purged(bed, following)
        return (
            f"after all processes were killed the next run (exit code {code}) undid {_FAULTS} faults first; "
            f"{_what_was_told(reporting, left)}"
        )


def _require_broken(bed: Testbed, number: int) -> None:
    if len(broken := still_broken(bed)) < number:
        raise CouldNotObserve(f"of {number} faults of the lost run only these are there: {sentences(broken, number)}")


def still_broken(bed: Testbed) -> list[str]:
    """Return which faults of the suite that makes every kind of them are there now, each by asking directly."""
    looks: Mapping[str, Callable[[], bool]] = {
        f"the {_ROLE} does not answer": lambda: not _answers(bed),
        "the primary does not write": lambda: not processes.takes_writes(bed, "primary"),
        "the way to the primary is disturbed": lambda: bool(proxies.faults_on_the_way(bed, "primary")),
        "the monitor has no process": lambda: not _is_there(bed, "monitor"),
        "the alert sink takes no alerts": lambda: bed.alerts.mode() != "ok",
    }
    return [words for words, look in looks.items() if look()]


def _is_there(bed: Testbed, role: str) -> bool:
    try:
        bed.ask(role, _TIMEOUT)
    except CouldNotObserve:
        return False
    return True


def _start(bed: Testbed, what: Path | str, folder: Path | None = None) -> Run:
    """Start a sign-off of one suite, or another command: purge or report."""
    endpoints = own_endpoints()
    folder = folder or new_folder("interrupted")
    stack = folder / "stack.json"
    stack.touch(mode=0o600)
    stack.write_text(json.dumps(endpoints), encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("SIGNOFF_", "PABOT"))}
    variables |= {"SIGNOFF_STACK": str(stack), "SIGNOFF_RESULTS": str(folder)}
    command = [sys.executable, "-m", "keywords.signoff", str(what)]
    if what != _PURGE:
        command += ["--results", str(folder)]
    # The run needs the deployment for itself; this test has it back afterwards.
    bed.guard.release()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # As in a terminal of its own: Ctrl-C reaches the whole group.
        start_new_session=True,
    )
    return Run(process, folder)


def _require_mended(bed: Testbed, run: Run, broken: Callable[[Testbed], list[str]] | None = None) -> None:
    def left() -> list[str]:
        found = broken(bed) if broken else ([] if _answers(bed) else [f"the {_ROLE} does not answer"])
        return found + [f"the journal has the {entry.role} as broken" for _, entry in unresolved(run.undo)]

    poll(
        left,
        lambda found: not found,
        within=_TIMEOUT * 5,
        what=f"The {_ROLE} answers after the run was interrupted, and nothing is left to undo",
        describe=lambda found: sentences(found, _FAULTS) or "so",
        verdict=VerdictClass.LEFT_BEHIND,
    )


def _require_incomplete(run: Run, code: int, words: str) -> None:
    """Make sure that a run that was cut short says so, and names each test that did not report."""
    report = run.report()
    rows = {row["id"]: row["outcome"] for row in report["requirements"]}
    if "met" in (rows["FAIL-4"], rows["FAIL-5"]):
        raise NotMet(VerdictClass.UNGUARDED.says("a requirement whose tests were cut short is called met"))
    if code != 2 or report["verdict"] != "INCOMPLETE":
        ended = f"the run that was cut short ended with {code} and says {report['sentence']}"
        raise NotMet(VerdictClass.UNGUARDED.says(ended))
    if words and not any(words in error for error in report["errors"]):
        raise NotMet(VerdictClass.UNGUARDED.says(f"the report does not say that the run was {words}"))
    page = html.unescape((run.folder / "signoff.html").read_text(encoding="utf-8"))
    for test in _planned(run):
        if test not in report["did_not_report"] or test not in run.printed or test not in page:
            unsaid = f"the test {test} was cut short, and the report does not say that it did not report"
            raise NotMet(VerdictClass.UNGUARDED.says(unsaid))


def _planned(run: Run) -> list[str]:
    """The tests that the interrupted run was going to make; its first one was never finished."""
    tests = json.loads((run.folder / "plan.json").read_text(encoding="utf-8"))["tests"]
    if not tests:
        raise CouldNotObserve("the run that was interrupted had planned no test")
    return [str(test["name"]) for test in tests]


def _require_told_and_purged(bed: Testbed, run: Run) -> list[str]:
    """Make sure that a run lists what is left over and how to remove it, in its output and on its page; remove it.

    Returns:
        The names of what was left over.
    """
    left = [name for _, name in leftovers(bed.environment.balancer_url, run.folder / "manifest")]
    if not left:
        raise CouldNotObserve("the run that was cut short had created no collection, so nothing could be left over")
    page = html.unescape((run.folder / "signoff.html").read_text(encoding="utf-8"))
    for needed in (*left, PURGE):
        for where, text in (("output", run.printed), ("page", page)):
            if needed not in text:
                silent = f"what was left over was not told: the run's {where} does not say {needed}"
                raise NotMet(VerdictClass.UNGUARDED.says(silent))
    told = run.report()["left_over"]["collections"]
    if sorted(told) != sorted(left):
        other = f"the report has {listing(told) or 'nothing'} as left over, and {listing(left)} was"
        raise NotMet(VerdictClass.UNGUARDED.says(other))
    purging = _start(bed, _PURGE, run.folder)
    if purging.wait() or leftovers(bed.environment.balancer_url, run.folder / "manifest"):
        kept = f"what the interrupted run had created could not be purged: {shortened(purging.printed)}"
        raise NotMet(VerdictClass.LEFT_BEHIND.says(kept))
    if still := [name for name in left if any(bed.instance(role).has_collection(name) for role in ROLES)]:
        there = f"{still[0]}, which was left over, is still there after the purge"
        raise NotMet(VerdictClass.LEFT_BEHIND.says(there))
    return left


def _what_was_told(run: Run, left: Sequence[str]) -> str:
    return f"{count(len(_planned(run)), 'test')} told not to have reported, {len(left)} left over told of and purged"


def _answers(bed: Testbed) -> bool:
    return _is_there(bed, _ROLE)
