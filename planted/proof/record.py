"""What a proof has found so far: kept in ``proof.json`` after every run, so that an interrupted proof goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from keywords.signoff.places import ROOT
from keywords.signoff.report.proof import CAUGHT, FORMAT, suites_version
from planted.catalogue import Fault

from .outcome import Outcome


@dataclass(frozen=True)
class Planted:
    """What became of one planted fault.

    Attributes:
        name: of the fault, with its part.
        sentence: what was wrong.
        verdict: the class that was expected; empty if no class fits.
        outcome: one of :class:`.outcome.Outcome`, in words.
        why: why it was not caught; empty if it was.
        verdicts: the classes that the page named.
        requirements: those that were not met because of it.
        unrelated: those that have nothing to do with it, and did not stay met.
        green: those that have nothing to do with it, and did.
        seconds: how long the run took.
        program: the version of the deployment and of the fault.
        whole: whether the whole checklist was looked at.
    """

    name: str
    sentence: str
    verdict: str
    outcome: str
    why: str
    verdicts: tuple[str, ...]
    requirements: tuple[str, ...]
    unrelated: tuple[str, ...]
    green: tuple[str, ...]
    seconds: float
    program: str
    whole: bool

    @property
    def clean(self) -> bool:
        """Whether it was caught, and nothing else was touched."""
        return self.outcome == CAUGHT and not self.unrelated


@dataclass(frozen=True)
class Varied:
    """What was seen of one correct variant.

    Attributes:
        outcome: "green", "false alarm" or "not run".
        alarms: what was not met, or could not be tested, with its reason.
        requirements: what was looked at.
    """

    name: str
    sentence: str
    outcome: str
    alarms: tuple[str, ...]
    requirements: tuple[str, ...]
    seconds: float
    program: str
    whole: bool


@dataclass
class Record:
    """All that is known of this version of the suites.

    Attributes:
        suites: the version.
        known: how many faults there are.
        seconds: how long the proof has taken, with its interruptions left out.
    """

    suites: str
    known: int
    faults: dict[str, Planted] = field(default_factory=dict)
    variants: dict[str, Varied] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def caught(self) -> int:
        """How many faults were caught."""
        return sum(one.outcome == CAUGHT for one in self.faults.values())

    @property
    def false_alarms(self) -> int:
        """How many requirements were not met where nothing is wrong with them."""
        varied = sum(len(one.alarms) for one in self.variants.values())
        return varied + sum(len(one.unrelated) for one in self.faults.values())

    @property
    def clean(self) -> bool:
        """Whether every known fault was caught, and nothing else was touched anywhere."""
        complete = len(self.faults) == self.known and all(one.clean for one in self.faults.values())
        return complete and all(one.outcome == "green" for one in self.variants.values())

    @property
    def sentence(self) -> str:
        """What it says, in one line."""
        left = self.known - len(self.faults)
        words = f"{self.caught} of {len(self.faults)} planted faults were caught"
        words += f" ({left} more are known and were not planted)" if left else ""
        return f"{words}; {self.false_alarms} false alarms, {len(self.variants)} correct variants."

    def save(self, file: Path) -> None:
        """Write it, in one step."""
        content = {
            "version": FORMAT,
            "suites": self.suites,
            "known": self.known,
            "finished": datetime.now().astimezone().isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 1),
            "sentence": self.sentence,
            "caught": self.caught,
            "false_alarms": self.false_alarms,
            "faults": [asdict(self.faults[name]) for name in sorted(self.faults)],
            "variants": [asdict(self.variants[name]) for name in sorted(self.variants)],
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".tmp")
        draft.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(file)


def load(file: Path, known: int) -> Record:
    """Return what is known of this version of the suites; nothing, if the file is not there or of another version.

    Args:
        file: where an earlier proof may lie.
        known: how many faults there are now.
    """
    record = Record(suites_version(), known)
    try:
        content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return record
    if content.get("version") != FORMAT or content.get("suites") != record.suites:
        return record
    record.faults = {row["name"]: Planted(**_tuples(row)) for row in content["faults"]}
    record.variants = {row["name"]: Varied(**_tuples(row)) for row in content["variants"]}
    record.seconds = content["seconds"]
    return record


def stands(earlier: Planted | Varied | None, program: str, *, whole: bool) -> bool:
    """Whether an earlier result can be kept: nothing has changed since, and as much was looked at."""
    if earlier is None or earlier.program != program or (whole and not earlier.whole):
        return False
    return earlier.outcome != Outcome.NOT_RUN.value


def program_version(fault: Fault | None = None) -> str:
    """Return what tells one version of the local stack, and of a fault in it, from another."""
    whole = hashlib.sha256()
    files = sorted((ROOT / "stack").rglob("*.py")) + sorted((ROOT / "stack").rglob("*.sql"))
    own = ("variants.py",) if fault is None else ("carrying_over.py", f"{fault.full_name}.py")
    files += [ROOT / "planted" / name for name in own]
    for path in files:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:12]


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
