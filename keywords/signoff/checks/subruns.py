"""Runs of suites within a test: processes of their own, on the deployment that the test has started for itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from ..faults.guard import Use
from ..places import RESULTS, ROOT
from ..testbed import Testbed, endpoints_of, own_endpoints
from ..verdict import CouldNotObserve
from ..words import duration, listing

OUTPUT = "robot"
"""The folder, within that of a run, where Robot Framework leaves its results."""


def new_folder(kind: str) -> Path:
    """Return a new folder in results/, for the results of a run within a test."""
    number = 1
    while (folder := RESULTS / kind / f"{os.getpid()}-{number}").exists():
        number += 1
    folder.mkdir(parents=True)
    return folder


def robot(suites: Sequence[Path], folder: Path) -> tuple[str, ...]:
    """Return the command that runs suites, and leaves its results in a folder."""
    output = str(folder / OUTPUT)
    return (sys.executable, "-m", "robot", "--exitonerror", "--outputdir", output, *map(str, suites))


def variables_for(bed: Testbed, folder: Path) -> dict[str, str]:
    """Return the variables with which another process finds a deployment, and writes to a folder of its own.

    Args:
        folder: its results.
    """
    endpoints = endpoints_of(bed)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("SIGNOFF_", "PABOT"))}
    own = {"SIGNOFF_ENVIRONMENT": str(bed.environment.file), "SIGNOFF_RESULTS": str(folder)}
    return variables | endpoints | own


def run(command: Sequence[str], variables: Mapping[str, str], within: timedelta) -> tuple[int, str]:
    """Run a command of this project to its end.

    Returns:
        Its exit code, and what it printed.

    Raises:
        CouldNotObserve: if it doesn't end in time.
    """
    try:
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env=dict(variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=within.total_seconds(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CouldNotObserve(f"{listing(command[2:4])} did not end in {duration(within)}") from None
    return ended.returncode, ended.stdout


def run_beside(bed: Testbed, folder: Path, command: Sequence[str], within: timedelta) -> tuple[int, str]:
    """Run a command on the deployment of this test's own, with a results folder of its own.

    Returns:
        Its exit code, and what it printed.

    Raises:
        CouldNotObserve: if it doesn't end in time, or the test has no deployment of its own.
    """
    stack = folder / "stack.json"
    stack.touch(mode=0o600)
    stack.write_text(json.dumps(own_endpoints()), encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("SIGNOFF_", "PABOT"))}
    variables |= {"SIGNOFF_STACK": str(stack), "SIGNOFF_RESULTS": str(folder)}
    # It needs the deployment itself; this test has it back afterwards.
    bed.guard.release()
    try:
        return run(command, variables, within)
    finally:
        stack.unlink()
        bed.guard.take(Use.ALONE, timedelta(seconds=10))
