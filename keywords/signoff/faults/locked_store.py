"""An instance's store that somebody else has locked: it answers as ever, and its writes hang."""

from __future__ import annotations

import select
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ..verdict import CouldNotObserve
from .local_processes import ProcessId, identity
from .undo import Held

_WITHIN = 20.0


class Refused(Enum):
    """What a locked store no longer does."""

    WRITES = "IMMEDIATE"
    """It is read as usual, and takes no write."""
    READS_AND_WRITES = "EXCLUSIVE"


class StoreLock:
    """The process that holds the lock of an instance's store.

    Args:
        store: the SQLite file.
        refused: what it shall no longer do.
    """

    def __init__(self, store: Path, refused: Refused) -> None:
        program = Path(__file__).with_name("store_lock.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program), str(store), refused.value],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        self._line()
        found = identity(self._process.pid)
        if found is None:
            raise CouldNotObserve("the process that was to lock the store has ended")
        self.process: ProcessId = found

    def take(self) -> float:
        """Take the lock; return the moment, in seconds of the monotonic clock."""
        assert self._process.stdin is not None
        self._process.stdin.write("lock\n")
        return float(self._line().split()[1])

    def release(self) -> None:
        """Give the lock back, and return when the process has ended."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        try:
            self._process.wait(_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _WITHIN)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self._process.kill()
            self._process.wait()
            raise CouldNotObserve("the instance's store could not be locked")
        return line


@dataclass(frozen=True)
class LockedStore:
    """A store that is locked, with its place in the undo journal, and the id of the collection that proves it."""

    lock: StoreLock
    entry: Held
    collection: str
