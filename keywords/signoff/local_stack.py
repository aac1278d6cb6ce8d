"""The local stack as a subprocess, and which stack belongs to this process.

The stack is started as a command and ends with its standard input, so it can't outlive its owner, however that dies.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO

from .places import ROOT
from .secrets import redact
from .words import duration, shortened

START_WITHIN = timedelta(seconds=90)
STOP_WITHIN = timedelta(seconds=20)
# Suites that inject many faults would spend their time waiting for Render's usual 10 a minute.
SUSPENDS_PER_MINUTE = 600


class StackFailed(Exception):
    """A local stack did not come up; the message is one sentence."""


class LocalStack:
    """A deployment of our own on this machine.

    Args:
        settings: environment variables of the balancer to override, by name.
        logs: the folder for the logs of its processes; one in results/ by default.
        proxies: whether a fault proxy stands between the balancer and each instance.
        commands: what takes the place of its programs, by the variables that name them: SIGNOFF_BALANCER_COMMAND, …;
            those of this process's environment by default.
    """

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        logs: Path | None = None,
        *,
        proxies: bool = False,
        commands: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = dict(settings or {})
        self._logs = logs
        self._proxies = proxies
        self._commands = dict(commands or {})
        self._process: subprocess.Popen[str] | None = None
        self._complaints: IO[str] | None = None
        self.endpoints: dict[str, str] = {}
        """Its addresses, credentials and settings, by the names that environment files use; empty until it is up."""

    def start(self) -> None:
        """Start it, and return when all of it is up.

        Raises:
            StackFailed: if it doesn't come up; nothing of it is left running.
        """
        command = [sys.executable, "-m", "stack", "up", "--json", "--suspends-per-minute", str(SUSPENDS_PER_MINUTE)]
        for name, value in self._settings.items():
            command += ["--set", f"{name}={value}"]
        if self._proxies:
            command.append("--with-proxies")
        if self._logs is not None:
            command += ["--logs", str(self._logs)]
        self._complaints = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        # In a session of its own: Ctrl-C belongs to the owner, who stops it in order.
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | self._commands,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            start_new_session=True,
        )
        try:
            self.endpoints = _endpoints(self._first_line(self._process))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all of it, and return when it has ended. Nothing happens if it isn't running."""
        process, self._process = self._process, None
        self.endpoints = {}
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # it has ended by itself
                    pipe.close()
        try:
            process.wait(STOP_WITHIN.total_seconds())
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._complaints is not None:
            self._complaints.close()

    def _first_line(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        deadline = time.monotonic() + START_WITHIN.total_seconds()
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise StackFailed(f"The local stack did not come up within {duration(START_WITHIN)}.")
        line = process.stdout.readline()
        if not line.strip():
            process.wait(STOP_WITHIN.total_seconds())
            raise StackFailed(self._complaint() or f"The local stack ended with exit code {process.returncode}.")
        return line

    def _complaint(self) -> str:
        assert self._complaints is not None
        self._complaints.seek(0)
        lines = [line.strip() for line in self._complaints.read().splitlines() if line.strip()]
        return redact(shortened(lines[-1], 500)) if lines else ""


_own: LocalStack | None = None
_claim: IO[str] | None = None


def claimed_endpoints() -> dict[str, str]:
    """Return the endpoints of the stack that belongs to this process, for its whole life.

    It is the one whose file SIGNOFF_STACK names; else a free one of the folder SIGNOFF_STACKS, which is then locked
    for others; else one of its own, which is started now and stopped when this process ends.

    Raises:
        StackFailed: if a given file is not a stack's, or the own one doesn't come up.
    """
    global _claim, _own
    if given := os.environ.get("SIGNOFF_STACK"):
        return _from_file(Path(given))
    if _claim is None and (folder := os.environ.get("SIGNOFF_STACKS")):
        _claim = _claimed_file(Path(folder))
    if _claim is not None:
        return _from_file(Path(_claim.name))
    if _own is None:
        stack = LocalStack()
        stack.start()
        atexit.register(stack.stop)
        _own = stack
    return dict(_own.endpoints)


def _claimed_file(folder: Path) -> IO[str] | None:
    for path in sorted(folder.glob("*.json")):
        file = path.open(encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()  # another process works on that stack
        else:
            return file
    return None


def _from_file(path: Path) -> dict[str, str]:
    try:
        return _endpoints(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StackFailed(f"The stack's file {path} can't be read: {error.strerror}.") from None
    except StackFailed:
        raise StackFailed(f"{path} is not the JSON that python -m stack up --json prints.") from None


def _endpoints(text: str) -> dict[str, str]:
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict) or "BALANCER_URL" not in values:
        raise StackFailed(f"The local stack said something else than its endpoints: {redact(shortened(text))}")
    return {str(name): str(value) for name, value in values.items()}
