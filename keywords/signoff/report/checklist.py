"""The checklist: what has to hold, in the order of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

RESOURCES = Path(__file__).resolve().parents[3] / "resources"
CHECKLIST = RESOURCES / "checklist.yaml"
CONTRACT_LIMITS = RESOURCES / "contract_limits.yaml"


class BadChecklist(ValueError):
    """A checklist file can't be used; the message is one sentence that says what to change and where."""


@dataclass(frozen=True)
class Limit:
    """A limit by its name, with the contract's value as people write it ("60 s", "10/s")."""

    name: str
    value: str

    @property
    def words(self) -> str:
        """The limit as a reader understands it: "failover max 60 s"."""
        return f"{self.name.replace('_', ' ').lower()} {self.value}"


@dataclass(frozen=True)
class Requirement:
    """One row of the page, before anything is known about it."""

    id: str
    group: str
    title: str
    must_hold: str
    limits: tuple[Limit, ...] = ()


def load_checklist(path: Path = CHECKLIST, limits_path: Path = CONTRACT_LIMITS) -> tuple[Requirement, ...]:
    """Read the requirements in the order of the page.

    Args:
        path: the list of requirements.
        limits_path: the contract's values of the limits they name.

    Raises:
        BadChecklist: if a file is missing or not YAML, a key is missing or unknown, an id is given twice, or a
            limit is unknown.
    """
    values = _read(limits_path)
    if not isinstance(values, dict):
        raise BadChecklist(f"{limits_path} must be a mapping of limit names to values.")
    rows = _read(path)
    if not isinstance(rows, list) or not rows:
        raise BadChecklist(f"{path} must be a list of requirements, and not an empty one.")
    requirements = tuple(_requirement(row, number, values, path, limits_path) for number, row in enumerate(rows, 1))
    seen: set[str] = set()
    for requirement in requirements:
        if requirement.id in seen:
            raise BadChecklist(f"{path} has the requirement {requirement.id} twice; each may stand there once.")
        seen.add(requirement.id)
    return requirements


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadChecklist(f"{path} can't be read: {error.strerror}.") from None
    except yaml.YAMLError as error:
        raise BadChecklist(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None


def _requirement(row: Any, number: int, values: Mapping[str, Any], path: Path, limits_path: Path) -> Requirement:
    if not isinstance(row, dict):
        raise BadChecklist(f"Entry {number} of {path} must be a mapping with id, group, title and must_hold.")
    needed = ("id", "group", "title", "must_hold")
    missing = [key for key in needed if not isinstance(row.get(key), str) or not row[key].strip()]
    unknown = sorted(set(row) - {*needed, "limits"})
    if missing or unknown:
        problem = f"lacks {', '.join(missing)}" if missing else f"has the unknown key {', '.join(unknown)}"
        raise BadChecklist(f"Entry {number} of {path} {problem}; it takes {', '.join(needed)} and limits.")
    names = row.get("limits", [])
    for name in names:
        if name not in values:
            raise BadChecklist(f"{row['id']} in {path} names the limit {name}, which is not in {limits_path.name}.")
    limits = tuple(Limit(name, str(values[name])) for name in names)
    return Requirement(row["id"], row["group"], row["title"], row["must_hold"], limits)
