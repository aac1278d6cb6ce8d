"""Every planted fault, with the sentence that says what is wrong and what the page has to say of it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType

import planted

PROGRAMS = ("balancer", "monitor", "sync")
"""The parts of a deployment that a planted program takes the place of."""
PARTS = (*PROGRAMS, "wire", "tool")


@dataclass(frozen=True)
class Expected:
    """What the page has to say when a fault is planted.

    Attributes:
        verdict: the class of what is wrong, as the page names it: LOST, STALE, … Empty if no class fits.
        red: the requirements that have to be not met, each with a part of its reason.
        also: further requirements that the fault breaks with good reason; they may be red or not. Everything that is
            named neither here nor in ``red`` has to stay as it is.
        tests: the tests of those in ``red`` that see it, where there are others that take long; all if none is named.
        refused: a part of the sentence with which a run against such a deployment is refused before its first test;
            empty if it is run.
    """

    verdict: str = ""
    red: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class Fault:
    """A planted fault.

    Attributes:
        part: what has it; one of ``PARTS``.
        name: of its module.
        sentence: what is wrong, for people.
        expected: what the page has to say.
        module: has ``plant()``, or for the wire ``TOXICS``.
    """

    part: str
    name: str
    sentence: str
    expected: Expected
    module: ModuleType

    @property
    def full_name(self) -> str:
        """Its name among all faults: "balancer/drops_metadata"."""
        return f"{self.part}/{self.name}"


class UnknownFault(ValueError):
    """There is no such fault; the message is one sentence."""


def names() -> list[str]:
    """Return the full names of all planted faults, part by part."""
    return [
        f"{part}/{module.name}"
        for part in PARTS
        for module in sorted(pkgutil.iter_modules([f"{planted.__path__[0]}/{part}"]), key=lambda found: found.name)
        if not module.ispkg
    ]


def fault(full_name: str) -> Fault:
    """Return one fault.

    Args:
        full_name: part and name: "balancer/drops_metadata".

    Raises:
        UnknownFault: if there is none of that name.
    """
    if full_name not in names():
        raise UnknownFault(f"There is no planted fault {full_name}; python -m planted lists them.")
    part, _, name = full_name.partition("/")
    module = importlib.import_module(f"planted.{part}.{name}")
    return Fault(part, name, (module.__doc__ or "").splitlines()[0], module.EXPECTED, module)


def faults() -> list[Fault]:
    """Return all planted faults."""
    return [fault(name) for name in names()]
