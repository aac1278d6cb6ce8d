"""The processes of a deployment on this machine: found by the stack's state file, and never mistaken for others.

A pid is used again after its process has ended. So a process is known by its pid and its start, and signals go through
a descriptor of the process itself: a later process of the same pid is never touched.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from ..environment import Environment
from ..verdict import CouldNotObserve, NotTested


@dataclass(frozen=True)
class ProcessId:
    """One process.

    Attributes:
        pid: its number.
        started: when it was started, in the kernel's clock ticks since the machine was.
    """

    pid: int
    started: int


def identity(pid: int) -> ProcessId | None:
    """Return who has this pid now; None if nobody does, or only a zombie."""
    fields = _stat(pid)
    return None if fields is None or fields[0] == "Z" else ProcessId(pid, int(fields[19]))


def is_alive(process: ProcessId) -> bool:
    """Whether this very process is still there."""
    return identity(process.pid) == process


def is_stopped(process: ProcessId) -> bool:
    """Whether this very process is stopped, so that it does nothing until it is told to go on."""
    fields = _stat(process.pid)
    return fields is not None and fields[0] in "Tt" and int(fields[19]) == process.started


def family(root: ProcessId) -> list[ProcessId]:
    """Return a process, and everything that descends from it; nothing if it has ended."""
    if not is_alive(root):
        return []
    try:
        pids = [child.pid for child in psutil.Process(root.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    return [root, *(process for process in map(identity, pids) if process is not None)]


def tell(processes: Iterable[ProcessId], number: signal.Signals) -> None:
    """Send a signal to each of these processes that is still there."""
    for process in processes:
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        try:
            # The descriptor holds on to whoever has the pid now, so that may be asked in peace.
            if is_alive(process):
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def main_process(environment: Environment, role: str) -> ProcessId:
    """Return the process that the local stack keeps for a role: balancer, primary, replica, postgres or monitor.

    Raises:
        NotTested: if the deployment's processes are not on this machine.
        CouldNotObserve: if there is none now.
    """
    local = environment.local
    if local is None:
        raise NotTested(
            f"the environment {environment.name} has no processes that can be stopped on this machine; only the local "
            "stack offers that fault"
        )
    if role not in local.services:
        raise NotTested(f"the environment {environment.name} names no service of the {role} under local.services")
    name = local.services[role]
    try:
        state = json.loads(local.state.read_text(encoding="utf-8"))
        pids = {service["name"]: service["pid"] for service in state["services"]}
        owner, pid = int(state["pid"]), pids[name]
    except (OSError, ValueError, KeyError, TypeError):
        raise CouldNotObserve(
            f"the local stack's state file {local.state} does not tell the process of {name}"
        ) from None
    process = identity(pid) if isinstance(pid, int) else None
    if process is None or psutil.Process(process.pid).ppid() != owner:
        raise CouldNotObserve(f"{name} has no process now")
    return process


def memory_mb(process: ProcessId) -> float:
    """Return the memory of one process; 0 if it ended. Shared pages count in part, where the kernel tells."""
    try:
        about = psutil.Process(process.pid)
        try:
            return float(about.memory_full_info().pss) / 2**20
        except (psutil.AccessDenied, AttributeError):
            return float(about.memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def open_file(processes: Iterable[ProcessId], name: str) -> Path:
    """Return the path of a file of this name that one of the processes has open.

    Raises:
        CouldNotObserve: if there isn't exactly one.
    """
    found = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found |= {Path(file.path) for file in psutil.Process(process.pid).open_files()}
    matching = [path for path in found if path.name == name]
    if len(matching) != 1:
        raise CouldNotObserve(f"the process has {len(matching)} files open that are called {name}; it must be one")
    return matching[0]


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the third one on; None if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The program's name stands in parentheses, and may hold anything.
    return text.rpartition(")")[2].split()
