"""Starts the reference balancer with one planted fault: ``python -m planted NAME``; without a name, lists them."""

from __future__ import annotations

import sys

from stack.balancer.__main__ import main as balancer

from . import faults
from .choice import run_with_a_fault

if __name__ == "__main__":
    sys.exit(run_with_a_fault(faults, balancer))
