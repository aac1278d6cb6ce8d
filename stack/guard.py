"""The stack's last will: waits for its supervisor's death and then ends and removes what that left.

The kernel already kills the supervisor's children with it (see :mod:`stack.processes`). That doesn't reach
their children: frozen PostgreSQL backends stay frozen for ever when their postmaster is killed. The guard
does reach them, and removes what they leave, so that a killed supervisor leaves nothing at all.

Run as ``python -m stack.guard FOLDER`` with a pipe from the supervisor as standard input.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .leftovers import remove_leftovers


def main() -> int:
    while os.read(sys.stdin.fileno(), 1):  # returns nothing only when every other end of the pipe is closed
        continue
    remove_leftovers(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
