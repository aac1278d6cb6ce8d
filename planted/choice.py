"""Which fault is planted: the choice on the command line."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from types import ModuleType


def names(faults: ModuleType) -> list[str]:
    """Return the names of all planted faults of a package."""
    return sorted(module.name for module in pkgutil.iter_modules(faults.__path__))


def run_with_a_fault(faults: ModuleType, program: Callable[[], int]) -> int:
    """Plant the fault that the command line names and run a program until it is stopped; without a name, list them.

    Args:
        faults: a package of modules with a function ``plant``.
        program: what has the fault; it returns its exit code.
    """
    if len(sys.argv) != 2 or sys.argv[1] not in names(faults):
        for name in names(faults):
            module = importlib.import_module(f"{faults.__name__}.{name}")
            print(f"{name:<24} {(module.__doc__ or '').splitlines()[0]}")
        return 0 if len(sys.argv) == 1 else 2
    importlib.import_module(f"{faults.__name__}.{sys.argv[1]}").plant()
    return program()
