"""What a stack leaves when it is killed: processes, PostgreSQL's shared memory, a folder. And how it is removed."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

from .processes import end_leftovers

_IPC_RMID = 0


def remove_leftovers(folder: Path) -> None:
    """End all processes of a stack, and remove what they hold beside their memory.

    Args:
        folder: the stack's temporary folder; it is gone afterwards.
    """
    end_leftovers(folder)
    for file in folder.glob("*/data/postmaster.pid"):
        _free_shared_memory(file)
    shutil.rmtree(folder, ignore_errors=True)


def _free_shared_memory(lock_file: Path) -> None:
    """Free the segment by which PostgreSQL sees that a server uses its data; a killed one leaves it behind.

    The kernel has room for 4,096 of them, unless it is told otherwise, and keeps them until the machine is started
    anew.

    Args:
        lock_file: what a server writes when it starts, and deletes when it ends in order. Its seventh line is the key
            and the number of the segment (``src/include/utils/pidfile.h``).
    """
    words = "".join(lock_file.read_text(encoding="ascii").splitlines()[6:7]).split()
    if words:  # it was not killed before it had one
        # Refused if it is gone already, and nothing is left to do then.
        ctypes.CDLL(None).shmctl(int(words[-1]), _IPC_RMID, None)
