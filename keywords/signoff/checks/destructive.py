"""Which keywords may break or delete something: those that say so by their tag, in whatever library they are."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

from ..places import ROOT

TAG = "Destructive"
_KEYWORDS = ROOT / "keywords"
_DELETES = "ChromaLibrary"
"""The library whose keywords delete; those of all others make faults."""


@dataclass(frozen=True)
class Destructive:
    """A keyword that breaks or deletes something.

    Attributes:
        name: its library and its own name.
        method: what it does.
    """

    name: str
    method: Callable[..., object]

    def call(self, collection: str = "a-collection") -> object:
        """Call it with something for each argument that it needs.

        Args:
            collection: stands for every text.
        """
        needed = [one for one in inspect.signature(self.method).parameters.values() if _is_needed(one)]
        types = get_type_hints(self.method)
        return self.method(*(_value(types[one.name], collection) for one in needed))

    @property
    def takes_a_collection(self) -> bool:
        """Whether it is told which collection it is about."""
        return any(name.startswith("collection") for name in inspect.signature(self.method).parameters)


def makes_a_fault(folder: Path = _KEYWORDS) -> list[Destructive]:
    """Return every keyword that makes a fault, of all libraries."""
    return [one for one in _tagged(folder) if not one.name.startswith(_DELETES)]


def deletes(folder: Path = _KEYWORDS) -> list[Destructive]:
    """Return every keyword that deletes something of a collection that it is told."""
    return [one for one in _tagged(folder) if one.name.startswith(_DELETES) and one.takes_a_collection]


def _tagged(folder: Path) -> Sequence[Destructive]:
    found = []
    for file in sorted(folder.glob("*Library.py")):
        library = _library(file)
        for name, method in inspect.getmembers(library, callable):
            if TAG in getattr(method, "robot_tags", ()):
                found.append(Destructive(f"{file.stem}.{name}", method))
    return found


def _library(file: Path) -> object:
    # Robot Framework, too, has their folder in the path only while it imports them.
    sys.path.insert(0, str(file.parent))
    try:
        return getattr(importlib.import_module(file.stem), file.stem)()
    finally:
        sys.path.remove(str(file.parent))


def _is_needed(one: inspect.Parameter) -> bool:
    return one.kind is one.VAR_POSITIONAL or (
        one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    )


def _value(wanted: Any, collection: str) -> object:
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return next(iter(wanted))
    return 1 if wanted is int else collection
