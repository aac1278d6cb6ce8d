"""Starts the reference monitor with one planted fault: ``python -m planted.monitor NAME``; without one, lists them."""

from __future__ import annotations

import sys

from planted.choice import run_with_a_fault
from stack.monitor.__main__ import main as monitor

from . import faults

if __name__ == "__main__":
    sys.exit(run_with_a_fault(faults, monitor))
