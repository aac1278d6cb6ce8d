"""pabot or robot as a subprocess: its command, its progress in plain words, and its orderly end.

pabot puts each suite in a process of its own and merges what they report; robot alone runs all of them in one. It is
started in a session of its own, so that Ctrl-C reaches it once, from here, and not a second time from the terminal.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import psutil

from ..report.data import Selection
from ..report.folder import ResultsFolder
from ..report.judgement import PlannedTest

# pabot gives each worker 5 s to end, twice, and then makes a dry run of up to 3 s in place of its results.
PATIENCE = timedelta(seconds=30)

# Codes up to 250 count failed tests; above them pabot, or robot, says that something went wrong with the run itself.
ABNORMAL = 251
MEANINGS = {
    251: "it showed its help or version instead of running",
    252: "it could not run what it was given, or its results are incomplete (a worker died or a result file is broken)",
    253: "it was interrupted",
    255: "it met an unexpected error",
}
PR_SET_PDEATHSIG = 1


def command(
    source: Path,
    folder: ResultsFolder,
    processes: int,
    selection: Selection,
    planned: Sequence[PlannedTest],
    *,
    together: bool = False,
) -> list[str]:
    """Return the command line of pabot, or of robot. It holds no credential: both write their arguments into files.

    Args:
        source: a folder of suites or a suite file, absolute.
        folder: where the results go, absolute.
        processes: how many suites run at the same time.
        selection: which tests run.
        planned: all tests; those selected by requirement or name are given to Robot Framework by their full names.
        together: whether all suites run in one process, which is robot then, without pabot's own work around it.
    """
    options = [("include", selection.include), ("exclude", selection.exclude), ("suite", selection.suites)]
    chosen = [part for name, values in options for value in values for part in (f"--{name}", value)]
    if selection.requirements or selection.tests:
        chosen += [part for test in planned if not test.left_out for part in ("--test", test.full_name)]
    pabot = ("-m", "pabot.pabot", "--processes", str(processes), "--no-pabotlib", "--pabotlibport", "0")
    return [
        *(sys.executable, *(("-m", "robot", "--console", "quiet") if together else pabot)),
        # A library that can't be imported is green when no test calls it; this makes it stop its suite.
        "--exitonerror",
        *("--outputdir", str(folder.path), "--output", "output.xml", "--log", "log.html", "--report", "report.html"),
        *chosen,
        str(source),
    ]


def environment_for_workers(own: Mapping[str, str], additions: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables for pabot, or robot.

    Args:
        own: this process's variables.
        additions: what the workers need to know beside them.

    The scripts of this Python come first in PATH, since pabot starts ``robot`` by name. Options from variables are
    dropped: they would change which tests run, or turn failures into skips, behind the page's back.
    """
    variables = {name: value for name, value in own.items() if name not in ("ROBOT_OPTIONS", "REBOT_OPTIONS")}
    scripts = [str(Path(sys.executable).parent), sysconfig.get_path("scripts"), own.get("PATH", os.defpath)]
    return variables | {"PATH": os.pathsep.join(scripts), "PYTHONUNBUFFERED": "1"} | dict(additions)


def run_workers(
    arguments: list[str],
    variables: Mapping[str, str],
    folder: ResultsFolder,
    suites: int,
    say: Callable[[str], None],
) -> int:
    """Run pabot, or robot, to its end and return its exit code.

    Args:
        arguments: from :func:`command`.
        variables: from :func:`environment_for_workers`.
        folder: it works there, since pabot writes files into the current folder.
        suites: how many suites will run, for the progress.
        say: takes each line of progress.

    Raises:
        KeyboardInterrupt: again, after it and all its workers have ended.
    """
    folder.logs.mkdir(parents=True, exist_ok=True)
    log = folder.logs / "run.log"
    # Into a file and not a pipe: pabot hangs if nobody is left to read, and so would outlive a killed run.
    with log.open("wb") as output:
        running = _start(arguments, variables, folder, output)
    progress = Progress(suites, say)
    ended = threading.Event()
    reader = threading.Thread(target=_follow, args=(log, progress.line, ended), daemon=True)
    reader.start()
    try:
        return running.wait()
    except KeyboardInterrupt:
        say("Interrupted: ending the running suites.")
        _end(running)
        raise
    finally:
        ended.set()
        reader.join(timeout=5)


def _start(
    arguments: list[str], variables: Mapping[str, str], folder: ResultsFolder, output: BinaryIO
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        arguments,
        cwd=folder.path,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=interrupt_when_owner_dies,  # one system call, no lock: safe beside threads
    )


def abnormal_end(code: int) -> str | None:
    """Return the sentence for an exit code that says more than a number of failed tests, or None."""
    if 0 <= code < ABNORMAL:
        return None
    if code < 0:
        return f"The run ended early: its process was ended by signal {-code}."
    meaning = MEANINGS.get(code, "nothing is known of the reason")
    return f"The run ended abnormally: {meaning} (exit code {code}; see logs/run.log)."


class Progress:
    """Turns pabot's lines into a few that a person likes to read.

    Args:
        suites: how many there are.
        say: takes each line.
        clock: gives seconds; for tests.
    """

    _EVENT = re.compile(
        r"\[ID:\d+\] (?:(?P<start>EXECUTING) (?P<started>.+)|PASSED (?P<passed>.+) in (?P<seconds>[\d.]+) seconds"
        r"|Execution failed in (?P<failed>.+) with (?P<code>-?\d+) failing test\(s\))$"
    )

    def __init__(self, suites: int, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._suites = suites
        self._say = say
        self._clock = clock
        self._begin = clock()
        self._done = 0

    def line(self, text: str) -> None:
        """Take one line of pabot's output."""
        event = self._EVENT.search(text.rstrip())
        if event is None:
            return
        minutes, seconds = divmod(int(self._clock() - self._begin), 60)
        if event["start"]:
            self._say(f"  {minutes}:{seconds:02}  started   {event['started']}")
            return
        self._done += 1
        if event["passed"]:
            ended = f"{event['passed']}  ({event['seconds']} s)"
        else:
            ended = f"{event['failed']}  {self._failure(int(event['code']))}"
        self._say(f"  {minutes}:{seconds:02}  done {self._done}/{self._suites}  {ended}")

    @staticmethod
    def _failure(code: int) -> str:
        if code < 0:
            return "its process was ended early"
        if code >= ABNORMAL:
            return f"its process stopped abnormally (exit code {code})"
        return f"{code} test{'' if code == 1 else 's'} did not pass"


def _follow(log: Path, take: Callable[[str], None], ended: threading.Event) -> None:
    """Pass on each line that is added to a file, until the event is set and nothing is left."""
    with log.open(encoding="utf-8", errors="replace") as file:
        part = ""
        while True:
            last = ended.is_set()
            while text := file.readline():
                part += text
                if part.endswith("\n"):
                    take(part)
                    part = ""
            if last:
                return
            ended.wait(0.2)


def _end(running: subprocess.Popen[bytes]) -> None:
    """Interrupt a run, and kill it with its workers if it doesn't end in time or a second Ctrl-C arrives."""
    workers = _descendants(running.pid)
    running.send_signal(signal.SIGINT)
    with suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
        running.wait(PATIENCE.total_seconds())
    for process in [*workers, *_descendants(running.pid)]:
        with suppress(psutil.NoSuchProcess):  # it has ended by itself
            process.kill()
    running.kill()
    running.wait()


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def interrupt_when_owner_dies() -> None:
    """Have this process interrupted when the one that started it is gone; runs between its fork and its program."""
    # Linux only. Without it the run would go on disturbing a deployment that nobody judges any more.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
