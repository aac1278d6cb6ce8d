"""What failed tests leave to be looked at on a stack that ends with its run: copies in ``results/kept``.

For each test a folder: the data of each Chroma server, which ``chroma run`` opens, and the rows of the write-ahead log.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from .environment import LocalProcesses
from .places import RESULTS
from .testbed import ROLES, Testbed
from .verdict import CouldNotObserve
from .words import count, listing

FOLDER = RESULTS / "kept"
LOG = "write_ahead_log.json"
_STORE = "chroma.sqlite3"
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Kept:
    """What was copied.

    Attributes:
        roles: the instances whose data was.
        has_log: whether the rows of the write-ahead log were.
        problems: what could not be, in words.
    """

    folder: Path
    roles: tuple[str, ...]
    has_log: bool
    problems: tuple[str, ...]

    @property
    def words(self) -> str:
        """Where it is, and how it is looked at."""
        told = [
            f"the {role}'s data opens with: chroma run --path {shlex.quote(str(self.folder / role))}"
            for role in self.roles
        ]
        if self.has_log:
            told.append(f"every logged write to them is in {self.folder / LOG}")
        if self.problems:
            told.append(f"not kept: {listing(self.problems, 9)}")
        return f"copied to {self.folder}, as this deployment ends with the run; {'; '.join(told)}"


def keep(bed: Testbed, names: Sequence[str], test: str, folder: Path = FOLDER) -> Kept:
    """Copy what a failed test has left on a local stack. Whatever can't be copied is told, and the rest is.

    Args:
        names: the collections of the test.
        test: its name.
        folder: where all copies lie.
    """
    local = bed.environment.local
    assert local is not None
    words = re.sub(r"[^A-Za-z0-9]+", "-", test).strip("-")[:_LONGEST_NAME]
    place = folder / f"{words}-{bed.manifest.path.stem}"
    shutil.rmtree(place, ignore_errors=True)  # of the same test, run before in this process
    place.mkdir(parents=True)
    roles, problems = [], []
    for role in ROLES:
        try:
            _copy(_data_of(local, role), place / role)
            roles.append(role)
        except (OSError, sqlite3.Error) as error:
            problems.append(f"the {role}'s data ({error})")
    try:
        rows = {name: [asdict(row) for row in bed.database.log_rows(name)] for name in names}
        (place / LOG).write_text(json.dumps(rows, indent=1, default=str), encoding="utf-8")
    except CouldNotObserve as error:
        problems.append(f"the write-ahead log ({error.sentence})")
    return Kept(place, tuple(roles), (place / LOG).exists(), tuple(problems))


def kept_folders(folder: Path = FOLDER) -> list[Path]:
    """Return the copies that are there, one folder for each failed test."""
    return sorted(path for path in folder.glob("*") if path.is_dir())


def remove_kept(say: Callable[[str], None], folder: Path = FOLDER) -> int:
    """Remove all copies; return how many there were."""
    there = kept_folders(folder)
    for place in there:
        shutil.rmtree(place)
    if there:
        say(f"Removed what {count(len(there), 'failed test')} had kept in {folder}.")
    return len(there)


def _data_of(local: LocalProcesses, role: str) -> Path:
    return local.state.parent / local.services[role]


def _copy(source: Path, target: Path) -> None:
    """Copy the data of a Chroma server that may be at work on it."""
    if not (source / _STORE).is_file():
        raise FileNotFoundError(f"there is no {_STORE} in {source}")
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(f"{_STORE}*"))
    # A copy of the file alone could be torn by a write; SQLite's own is not.
    with (
        closing(sqlite3.connect(f"{(source / _STORE).as_uri()}?mode=ro", uri=True)) as there,
        closing(sqlite3.connect(target / _STORE)) as copy,
    ):
        there.backup(copy)
