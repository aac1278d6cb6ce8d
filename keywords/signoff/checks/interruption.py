"""Whole runs, interrupted on purpose: what they broke is mended, and nothing is claimed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from ..faults.guard import Use
from ..faults.undo import unresolved
from ..leftovers import leftovers
from ..places import RESULTS, ROOT
from ..polling import poll
from ..testbed import ROLES, Testbed, own_endpoints
from ..verdict import CouldNotObserve, NotMet
from ..words import shortened

_BROKEN_WITHIN = timedelta(seconds=60)
_ENDED_WITHIN = timedelta(seconds=90)
_TIMEOUT = timedelta(seconds=1)
SUITE = ROOT / "suites" / "failover" / "recovery.robot"
"""What is interrupted: it suspends the replica."""
_ROLE = "replica"
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
            raise NotMet(f"the interrupted run did not end within {_ENDED_WITHIN.total_seconds():g} s") from None
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
            raise NotMet(f"the run left no signoff.json; it said: {shortened(self.printed)}") from None
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
def run_until_broken(bed: Testbed) -> Iterator[Run]:
    """Start a sign-off on the deployment of this test's own, and go on when it has suspended the replica.

    Raises:
        CouldNotObserve: if it doesn't get there.
    """
    run = _start(bed, SUITE)
    try:
        try:
            seen = poll(
                lambda: _how_far(bed, run),
                lambda far: far != _NOT_YET,
                within=_BROKEN_WITHIN,
                every=timedelta(milliseconds=20),
                what=f"The run that is to be interrupted has suspended the {_ROLE}",
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


def _how_far(bed: Testbed, run: Run) -> str:
    if run.process.poll() is not None:
        return _ENDED
    return f"the {_ROLE} is away" if unresolved(run.undo) and not _answers(bed) else _NOT_YET


def interrupted_by_ctrl_c(bed: Testbed) -> str:
    """Interrupt a run as a person does; say what became of it.

    Raises:
        NotMet: if it doesn't mend what it broke, or doesn't say what did not run.
    """
    with run_until_broken(bed) as run:
        os.killpg(run.process.pid, signal.SIGINT)
        code = run.wait()
        _require_mended(bed, run)
        _require_incomplete(run, code, "interrupted")
        return f"after Ctrl-C the {_ROLE} answers, exit code {code}, and the report says what did not run"


def killed_worker(bed: Testbed) -> str:
    """Kill the process that runs the suite; the run has to notice, and to mend what it broke."""
    with run_until_broken(bed) as run:
        workers = run.workers()
        if not workers:
            raise CouldNotObserve("no process of the run could be told to be a worker")
        for worker in workers:
            worker.kill()
        code = run.wait()
        _require_mended(bed, run)
        _require_incomplete(run, code, "")
        return f"after a worker was killed the {_ROLE} answers, exit code {code}, and its tests are not counted as met"


def lost_machine(bed: Testbed) -> str:
    """Kill a whole run at once; the next one has to mend what it broke, and its collections can be purged."""
    with run_until_broken(bed) as run:
        run.kill()
        if _answers(bed):
            raise CouldNotObserve(f"the {_ROLE} answers although nobody has resumed it")
        left = [name for _, name in leftovers(bed.environment.balancer_url, run.folder / "manifest")]
        if not left:
            raise CouldNotObserve("the killed run had created no collection, so nothing could be left over")
        following = _start(bed, _HARMLESS, run.folder)
        code = following.wait()
        _require_mended(bed, run)
        if "Resumed what was left" not in following.printed:
            raise NotMet(f"the next run did not say what it had to mend: {shortened(following.printed)}")
        purging = _start(bed, None, run.folder)
        if purging.wait() or leftovers(bed.environment.balancer_url, run.folder / "manifest"):
            raise NotMet(f"what the killed run had created could not be purged: {shortened(purging.printed)}")
        still = [name for name in left if any(bed.instance(role).has_collection(name) for role in ROLES)]
        if still:
            raise NotMet(f"{still[0]}, which was left over, is still there after the purge")
        return (
            f"after all processes were killed the next run (exit code {code}) resumed the {_ROLE} first, and "
            f"{len(left)} left over collections were purged"
        )


def _start(bed: Testbed, suite: Path | None, folder: Path | None = None) -> Run:
    """Start a sign-off of one suite, or a purge."""
    endpoints = own_endpoints()
    folder = folder or _new_folder()
    stack = folder / "stack.json"
    stack.touch(mode=0o600)
    stack.write_text(json.dumps(endpoints), encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("SIGNOFF_", "PABOT"))}
    variables |= {"SIGNOFF_STACK": str(stack), "SIGNOFF_RESULTS": str(folder)}
    command = [sys.executable, "-m", "keywords.signoff", *(["purge"] if suite is None else [str(suite)])]
    if suite is not None:
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


def _new_folder() -> Path:
    number = 1
    while (folder := RESULTS / "interrupted" / f"{os.getpid()}-{number}").exists():
        number += 1
    folder.mkdir(parents=True)
    return folder


def _require_mended(bed: Testbed, run: Run) -> None:
    poll(
        lambda: _answers(bed) and not unresolved(run.undo),
        bool,
        within=_TIMEOUT * 5,
        what=f"The {_ROLE} answers after the run was interrupted, and nothing is left to undo",
        describe=lambda mended: "so" if mended else "not so",
    )


def _require_incomplete(run: Run, code: int, words: str) -> None:
    report = run.report()
    rows = {row["id"]: row["outcome"] for row in report["requirements"]}
    if code != 2 or report["verdict"] != "INCOMPLETE":
        raise NotMet(f"the run that was cut short ended with {code} and says {report['sentence']}")
    if "met" in (rows["FAIL-4"], rows["FAIL-5"]):
        raise NotMet("a requirement whose tests were cut short is called met")
    if words and not any(words in error for error in report["errors"]):
        raise NotMet(f"the report does not say that the run was {words}")


def _answers(bed: Testbed) -> bool:
    try:
        bed.ask(_ROLE, _TIMEOUT)
    except CouldNotObserve:
        return False
    return True
