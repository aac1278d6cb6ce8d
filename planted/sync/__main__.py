"""Starts the sync coordinator or a worker with one planted fault; without a name, lists them."""

from __future__ import annotations

import sys

from planted.choice import run_with_a_fault
from stack.sync.__main__ import main as sync

from . import faults

if __name__ == "__main__":
    part = sys.argv.pop() if sys.argv[-1] in ("coordinator", "worker") else ""
    sys.exit(run_with_a_fault(faults, lambda: sync([part])))
