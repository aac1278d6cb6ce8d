"""The proof that the suites can fail: which planted faults each requirement has caught, read from ``proof.json``.

``tox run -e proof`` writes it. Its figures stand on the page beside each requirement, tied to the version of the suites
that they were made with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..places import RESULTS, ROOT

FORMAT = 1
NEWEST = RESULTS / "proof.json"
"""What the last proof on this machine gave."""
KEPT = ROOT / "resources" / "proof.json"
"""One that somebody has kept with the project."""
CAUGHT = "caught"
_ROOMS = ("suites", "resources", "keywords")
_SUFFIXES = {".robot", ".resource", ".py", ".yaml", ".j2"}


class BadProof(ValueError):
    """A proof can't be used; the message is one sentence."""


@dataclass(frozen=True)
class Proof:
    """What a proof says.

    Attributes:
        suites: the version of the suites that were seen to fail; see :func:`suites_version`.
        finished: when it was made.
        known: how many faults there are.
        planted: how many of them were planted.
        caught: how many of them turned the right requirements red, for the right reason.
        variants: how many correct deployments were signed off.
        false_alarms: how many requirements were not met on one of those.
        caught_by: what each requirement has caught, by its id: the faults' sentences.
    """

    suites: str
    finished: datetime
    known: int = 0
    planted: int = 0
    caught: int = 0
    variants: int = 0
    false_alarms: int = 0
    caught_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, requirement: str) -> tuple[str, ...]:
        """Return what a requirement has caught; nothing if it was never seen to fail."""
        return self.caught_by.get(requirement, ())


def suites_version(root: Path = ROOT) -> str:
    """Return what tells one version of the suites from another: 12 hexadecimal digits.

    It follows every file that decides what the suites look at and how they judge: ``suites/``, ``resources/`` and
    ``keywords/``, and neither their place nor the time.
    """
    whole = hashlib.sha256()
    for path in sorted(file for room in _ROOMS for file in (root / room).rglob("*") if file.suffix in _SUFFIXES):
        whole.update(f"{path.relative_to(root).as_posix()}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:12]


def find_proof(suites: str | None, places: Iterable[Path] = (NEWEST, KEPT)) -> Proof | None:
    """Return the proof that says most about a run: one of its own version of the suites, or else the latest.

    Args:
        suites: the version of the suites that ran; None if it is not known.
        places: where proofs may lie.

    Raises:
        BadProof: if a file there is none.
    """
    found = [load_proof(path) for path in places if path.is_file()]
    return max(found, key=lambda proof: (proof.suites == suites, proof.finished), default=None)


def load_proof(path: Path) -> Proof:
    """Read a proof.

    Raises:
        BadProof: if the file is not what a proof writes.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != FORMAT:
            raise ValueError(content["version"])
        return _proof(content)
    except (OSError, ValueError, KeyError, TypeError):
        raise BadProof(f"{path} is not a proof of this version; delete it, or run tox run -e proof.") from None


def _proof(content: Mapping[str, Any]) -> Proof:
    faults = content["faults"]
    caught = [fault for fault in faults if fault["outcome"] == CAUGHT]
    by_requirement: dict[str, list[str]] = {}
    for fault in caught:
        for requirement in fault["requirements"]:
            by_requirement.setdefault(requirement, []).append(fault["sentence"])
    return Proof(
        suites=content["suites"],
        finished=datetime.fromisoformat(content["finished"]),
        known=content["known"],
        planted=len(faults),
        caught=len(caught),
        variants=len(content["variants"]),
        false_alarms=content["false_alarms"],
        caught_by={requirement: tuple(sentences) for requirement, sentences in by_requirement.items()},
    )
