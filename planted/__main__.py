"""Starts the balancer, the monitor or a sync service with one planted fault.

``python -m planted balancer/NAME`` is for SIGNOFF_BALANCER_COMMAND, ``monitor/NAME`` for SIGNOFF_MONITOR_COMMAND and
``sync/NAME`` for SIGNOFF_SYNC_COMMAND, which adds whether it is to be the coordinator or a worker. Without a name, all
faults are listed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from .catalogue import PROGRAMS, UnknownFault, fault, faults


def main(arguments: Sequence[str]) -> int:
    """Plant the fault that is named, and be the program that has it until it is stopped; without a name, list them.

    Args:
        arguments: the fault's full name, and for sync the part that the process is to play.
    """
    if not arguments:
        for one in faults():
            print(f"{one.full_name:<34} {one.sentence}")
        return 0
    try:
        planted = fault(arguments[0])
    except UnknownFault as error:
        print(error, file=sys.stderr)
        return 2
    if planted.part not in PROGRAMS:
        print(f"{planted.full_name} is no program; python -m planted.proof --fault plants it.", file=sys.stderr)
        return 2
    planted.module.plant()
    # Only the program that it is: to import the others as well costs half as much CPU time again, at each start.
    program = import_module(f"stack.{planted.part}.__main__")
    return int(program.main(list(arguments[1:])) if planted.part == "sync" else program.main())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
