"""The undo journal: what has to be put right again, on disk before anything is broken.

One file per process in ``results/undo``. A line is written, and forced to the disk, before a service is suspended;
another one after it was proved to be back. Whatever an interrupted run left open is undone by :func:`replay`, which
can be called again and again.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .environment import Environment
from .places import RESULTS
from .render import RenderApi
from .verdict import CouldNotObserve

FOLDER = RESULTS / "undo"


@dataclass(frozen=True)
class Suspension:
    """A service that was, or is about to be, suspended.

    Attributes:
        id: of this entry.
        api_url: the Render API it was suspended by.
        kind, service: its place in the API and its id there.
        role: what it is in the deployment.
        at: Unix time.
    """

    id: str
    api_url: str
    kind: str
    service: str
    role: str
    at: float


class UndoJournal:
    """The journal of this process.

    Args:
        folder: where the files lie.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.jsonl"

    def register(self, api_url: str, kind: str, service: str, role: str) -> Suspension:
        """Write down that a service has to be resumed; call it before suspending.

        Returns:
            The entry, for :meth:`resolve`.
        """
        entry = Suspension(uuid.uuid4().hex, api_url, kind, service, role, time.time())
        _append(self._path, {"suspended": asdict(entry)})
        return entry

    def resolve(self, entry: Suspension) -> None:
        """Write down that the service is back; call it after that was proved."""
        _append(self._path, {"resolved": entry.id})


def unresolved(folder: Path = FOLDER) -> list[tuple[Path, Suspension]]:
    """Return what is still to be undone, of all processes, oldest first."""
    found: list[tuple[Path, Suspension]] = []
    for path in sorted(folder.glob("*.jsonl")):
        open_entries: dict[str, Suspension] = {}
        for line in _lines(path):
            if isinstance(line.get("suspended"), dict):
                entry = Suspension(**line["suspended"])
                open_entries[entry.id] = entry
            else:
                open_entries.pop(str(line.get("resolved")), None)
        found += [(path, entry) for entry in open_entries.values()]
    return sorted(found, key=lambda item: item[1].at)


def replay(environment: Environment, folder: Path = FOLDER) -> list[str]:
    """Resume what interrupted runs left suspended in this environment.

    Args:
        environment: whose Render API is used; entries of other APIs are left as they are.
        folder: where the journals lie.

    Returns:
        The roles that were resumed.

    Raises:
        CouldNotObserve: if the API refuses; the entry stays open.
    """
    if environment.render is None:
        return []
    api = RenderApi(environment.render)
    resumed = []
    for path, entry in unresolved(folder):
        if entry.api_url != environment.render.api_url:
            continue
        try:
            api.resume_service(entry.kind, entry.service)
        except CouldNotObserve as error:
            raise CouldNotObserve(f"the {entry.role} may still be suspended ({path.name}): {error.sentence}") from None
        _append(path, {"resolved": entry.id})
        resumed.append(entry.role)
    return resumed


def _append(path: Path, line: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # the process died while it wrote this line, so nothing had been done yet
        if isinstance(line, dict):
            yield line
