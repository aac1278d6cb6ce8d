"""Risks that a person has taken: requirements that nobody tested, and that are not waited for until a day.

An accepted risk is no evidence. It makes a requirement that is "not tested" not count against GO, for as long as it
lasts; a requirement that was seen to fail, or whose test broke, counts as ever.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from .checklist import RESOURCES

ACCEPTED_RISKS = RESOURCES / "accepted_risks.yaml"
_KEYS = ("id", "reason", "accepted_by", "until")


class BadAcceptedRisks(ValueError):
    """The file of accepted risks can't be used; the message is one sentence that says what to change and where."""


@dataclass(frozen=True)
class AcceptedRisk:
    """One requirement that a person does without.

    Attributes:
        id: the requirement's id in the checklist.
        reason: why it can be done without, as a sentence.
        accepted_by: who answers for it.
        until: the last day on which it is accepted.
    """

    id: str
    reason: str
    accepted_by: str
    until: date

    def is_past(self, today: date) -> bool:
        """Whether its last day is over."""
        return today > self.until

    @property
    def words(self) -> str:
        """Who accepted it, until when and why: "accepted by Ann until 2027-03-31: nobody has a second region"."""
        return f"accepted by {self.accepted_by} until {self.until.isoformat()}: {self.reason.rstrip('.')}"


def load_accepted_risks(requirements: Collection[str], path: Path = ACCEPTED_RISKS) -> tuple[AcceptedRisk, ...]:
    """Read the accepted risks, in the order of the file.

    Args:
        requirements: the ids of the checklist.
        path: the list; it has to be there, and may be empty.

    Raises:
        BadAcceptedRisks: if the file is missing, not YAML or not a list, or if an entry lacks something, has something
            unknown, names no requirement of the checklist or one twice, or doesn't give a day.
    """
    rows = _read(path)
    if rows is None:
        return ()
    if not isinstance(rows, list):
        raise BadAcceptedRisks(f"{path} must be a list of accepted risks; an empty list says that there is none.")
    risks = tuple(_risk(row, number, requirements, path) for number, row in enumerate(rows, 1))
    seen: set[str] = set()
    for risk in risks:
        if risk.id in seen:
            raise BadAcceptedRisks(f"{path} accepts the risk of {risk.id} twice; each may stand there once.")
        seen.add(risk.id)
    return risks


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadAcceptedRisks(
            f"{path} can't be read: {error.strerror}; without an accepted risk it holds an empty list."
        ) from None
    except (yaml.YAMLError, ValueError) as error:  # a day that the calendar lacks is a ValueError
        raise BadAcceptedRisks(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None


def _risk(row: Any, number: int, requirements: Collection[str], path: Path) -> AcceptedRisk:
    if not isinstance(row, dict):
        raise BadAcceptedRisks(f"Entry {number} of {path} must be a mapping with {', '.join(_KEYS)}.")
    missing = [key for key in _KEYS if row.get(key) in (None, "")]
    unknown = sorted(str(key) for key in set(row) - set(_KEYS))
    if missing or unknown:
        problem = f"lacks {', '.join(missing)}" if missing else f"has the unknown key {', '.join(unknown)}"
        raise BadAcceptedRisks(f"Entry {number} of {path} {problem}; it takes {', '.join(_KEYS)}.")
    for key in ("id", "reason", "accepted_by"):
        if not isinstance(row[key], str) or not row[key].strip():
            raise BadAcceptedRisks(f"Entry {number} of {path} has {row[key]!r} as its {key}, where words are needed.")
    id, reason, accepted_by = (" ".join(row[key].split()) for key in ("id", "reason", "accepted_by"))
    if id not in requirements:
        raise BadAcceptedRisks(f"Entry {number} of {path} names the requirement {id}, which is not in the checklist.")
    return AcceptedRisk(id, reason, accepted_by, _day(row["until"], id, path))


def _day(value: Any, id: str, path: Path) -> date:
    # YAML reads 2027-03-31 as a date; one in quotation marks stays text and means the same.
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            pass
    elif isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise BadAcceptedRisks(f"The risk of {id} in {path} is accepted until {value}, which is not a day like 2027-03-31.")
