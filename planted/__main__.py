"""Starts the reference balancer with one planted fault: ``python -m planted NAME``; without a name, lists them."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from stack.balancer.__main__ import main as balancer

from . import faults


def names() -> list[str]:
    """Return the names of all planted faults."""
    return sorted(module.name for module in pkgutil.iter_modules(faults.__path__))


def main() -> int:
    """Plant one fault and run the balancer until it is stopped."""
    if len(sys.argv) != 2 or sys.argv[1] not in names():
        for name in names():
            module = importlib.import_module(f"{faults.__name__}.{name}")
            print(f"{name:<24} {(module.__doc__ or '').splitlines()[0]}")
        return 0 if len(sys.argv) == 1 else 2
    importlib.import_module(f"{faults.__name__}.{sys.argv[1]}").plant()
    return balancer()


if __name__ == "__main__":
    sys.exit(main())
