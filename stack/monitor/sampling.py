"""What the stack's services use, asked of the kernel."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from ..state import read_state
from .advice import Use

_MB = 1024 * 1024


class Sampler:
    """Memory, CPU and disk of every service that has a process.

    Args:
        state_file: where the stack says which processes there are.
    """

    def __init__(self, state_file: Path) -> None:
        self._folder = state_file.parent
        self._cpu_seconds: dict[psutil.Process, float] = {}
        self._at = time.monotonic()

    def sample(self) -> list[Use]:
        """Return what each service uses now; its CPU is the mean since the last sample. Empty if nothing is running."""
        state = read_state(self._folder)
        if state is None:
            return []
        children = _children()
        now = time.monotonic()
        seconds = max(now - self._at, 1e-3)
        before, self._cpu_seconds, self._at = self._cpu_seconds, {}, now
        uses = []
        for service in state.services:
            if service.pid is None:
                continue
            memory, busy = 0.0, 0.0
            for process in _family(service.pid, children):
                with suppress(psutil.Error):
                    memory += _memory(process)
                    spent = sum(process.cpu_times()[:2])
                    self._cpu_seconds[process] = spent
                    busy += max(0.0, spent - before.get(process, spent))
            if memory:
                uses.append(Use(service.name, memory / _MB, busy / seconds, _disk(self._folder / service.name) / _MB))
        return uses


def _children() -> dict[int, list[psutil.Process]]:
    """Return the processes of this machine by their parents: one look for all services."""
    found: defaultdict[int, list[psutil.Process]] = defaultdict(list)
    for process in psutil.process_iter(["ppid"]):
        found[process.info["ppid"]].append(process)
    return found


def _family(pid: int, children: dict[int, list[psutil.Process]]) -> Iterable[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        waiting = [psutil.Process(pid)]
        while waiting:
            process = waiting.pop()
            waiting += children.get(process.pid, [])
            yield process


def _memory(process: psutil.Process) -> int:
    """Bytes; pages that several processes share count once where the kernel tells."""
    try:
        return int(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):
        return int(process.memory_info().rss)


def _disk(folder: Path) -> int:
    """Bytes of all files below a folder; 0 if there is none."""
    size = 0
    # A database has a thousand files, and this is done again and again: objects for each path would cost three times as
    # much.
    folders = [str(folder)]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                with suppress(OSError):  # deleted meanwhile
                    size += entry.stat(follow_symlinks=False).st_size
    return size
