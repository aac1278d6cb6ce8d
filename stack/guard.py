"""The stack's last will: waits for its supervisor's death and then ends and removes what that left.

The kernel already kills the supervisor's children with it (see :mod:`stack.processes`). That doesn't reach
their children: frozen PostgreSQL backends stay frozen for ever when their postmaster is killed. The guard
does reach them, and removes the temporary folder, so that a killed supervisor leaves nothing at all.

Run as ``python -m stack.guard FOLDER`` with a pipe from the supervisor as standard input.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .processes import end_leftovers


def main() -> int:
    folder = Path(sys.argv[1])
    while os.read(sys.stdin.fileno(), 1):  # returns nothing only when every other end of the pipe is closed
        continue
    end_leftovers(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
