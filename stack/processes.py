"""Processes that belong to a stack: how they die with it, how to know them, how to end what is left."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

FOLDER_VARIABLE = "SIGNOFF_STACK_FOLDER"
SERVICE_VARIABLE = "SIGNOFF_STACK_SERVICE"
_PR_SET_PDEATHSIG = 1
_RESCAN_SECONDS = 0.01


def dies_with_this_process() -> Callable[[], None]:
    """What a child has to run between fork and exec so that the kernel kills it when this process is gone.

    The kernel's "parent" is the forking *thread*, and a change of user clears the setting. So: fork in the
    main thread, and leave the change of user to :mod:`subprocess`, which does it before it calls this.
    Elsewhere than on Linux this does nothing, and :mod:`stack.guard` alone ends what is left.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    libc = ctypes.CDLL(None, use_errno=True)
    owner = os.getpid()

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != owner:  # it died before the setting was in place
            os._exit(1)

    return before_exec


@dataclass(frozen=True)
class SystemUser:
    """A user of this machine, whom a process can run as."""

    uid: int
    gid: int


async def spawn(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    working_folder: Path,
    output: int | IO[bytes],
    stdin: int = asyncio.subprocess.DEVNULL,
    user: SystemUser | None = None,
) -> asyncio.subprocess.Process:
    """Start a process in a session of its own, so that no Ctrl-C reaches it, which dies with this one.

    Args:
        command: program and arguments.
        environment: the whole environment.
        working_folder: the folder that it's started in.
        output: where its output goes, of both kinds.
        stdin: its standard input.
        user: whom it runs as; ``None`` for the current user.

    Raises:
        OSError: it can't be started.
    """
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=stdin,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        cwd=working_folder,
        env=environment,
        start_new_session=True,
        user=None if user is None else user.uid,
        group=None if user is None else user.gid,
        extra_groups=None if user is None else [],
        preexec_fn=dies_with_this_process(),
    )


def start_time(pid: int) -> float | None:
    """When this process was started, on a clock that nobody sets; ``None`` when it's gone or only a zombie.

    Seconds since the machine was started. (psutil's ``create_time`` is reckoned from the wall clock, so it
    moves with it; it is used only where there is no ``/proc``.)
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        stat_file = Path(f"/proc/{pid}/stat")
        if not stat_file.exists():
            return float(process.create_time())
        # After the program's name, which stands in parentheses and may hold anything: field 3 and following.
        fields = stat_file.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


def is_same_process(pid: int, started: float) -> bool:
    """Whether the process with this pid still is the one that was started then (pids are used again)."""
    now = start_time(pid)
    return now is not None and abs(now - started) < 0.005


def is_frozen(pid: int) -> bool:
    """Whether this process is stopped (SIGSTOP), so that only SIGKILL reaches it."""
    try:
        return bool(psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP))
    except psutil.NoSuchProcess:
        return False


def memory_bytes(pid: int) -> int:
    """Memory of this process and its descendants; shared pages count once where the kernel tells."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for member in family:
        try:
            total += int(member.memory_full_info().pss)
        except (psutil.AccessDenied, AttributeError):
            total += int(member.memory_info().rss)
        except psutil.NoSuchProcess:
            continue
    return total


def belonging_to(folder: Path, service: str | None = None) -> list[psutil.Process]:
    """All live processes of the stack that lives in this folder, however far from their parents.

    They're recognised by the environment they inherited. PostgreSQL writes its process titles over its
    environment, and puts each child in a session of its own, so its processes are recognised by name and
    working folder instead.

    Args:
        folder: the stack's temporary folder.
        service: only the processes of this service.
    """
    mine = os.getpid()
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        if process.pid == mine:
            continue
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if _carries_marks(process, folder, service) or _is_postgres_in(process, folder, service):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return found


def _carries_marks(process: psutil.Process, folder: Path, service: str | None) -> bool:
    environment = process.environ()
    if environment.get(FOLDER_VARIABLE) != str(folder):
        return False
    return service is None or environment.get(SERVICE_VARIABLE) == service


def _is_postgres_in(process: psutil.Process, folder: Path, service: str | None) -> bool:
    if process.name() != "postgres":
        return False
    home = folder if service is None else folder / service
    return Path(process.cwd()).is_relative_to(home)


def end_leftovers(folder: Path, service: str | None = None, *, seconds: float = 5.0) -> bool:
    """SIGKILL what :func:`belonging_to` finds, until it finds nothing.

    Args:
        folder: the stack's temporary folder.
        service: only the processes of this service.
        seconds: how long to try.

    Returns:
        Whether nothing is left.
    """
    deadline = time.monotonic() + seconds
    while True:
        left = belonging_to(folder, service)
        if not left:
            return True
        if time.monotonic() > deadline:
            return False
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        time.sleep(_RESCAN_SECONDS)  # until the kernel has taken them away
