"""Which of a run's Python processes this one is, told by its command line before anything else has begun.

A fault of the library is planted in some of them only; ``tool/site/sitecustomize.py`` asks in all.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
_SMALL_SUITES = "/resources/lifecycle/"


def runs_suites() -> bool:
    """Whether it is Robot Framework, running suites."""
    return "robot" in sys.orig_argv[1:3] or "robot" in (Path(word).name for word in sys.orig_argv[1:2])


def runs_small_suites() -> bool:
    """Whether it runs those suites whose remains another test looks at."""
    return runs_suites() and any(_SMALL_SUITES in word for word in sys.orig_argv)


def signs_off() -> bool:
    """Whether it is the sign-off itself, or one of its commands."""
    return "keywords.signoff" in sys.orig_argv[1:3]


def brings_up_a_stack() -> bool:
    """Whether it is a local stack's supervisor."""
    return "stack" in sys.orig_argv[1:3] and "up" in sys.orig_argv


def part(name: str) -> ModuleType:
    """Return a module of the library as this process is going to import it.

    Args:
        name: below ``signoff``: "checks.contents".
    """
    if signs_off():
        return importlib.import_module(f"keywords.signoff.{name}")
    if (folder := str(ROOT / "keywords")) not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(f"signoff.{name}")
