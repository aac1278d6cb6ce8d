"""The names of the collections that this run created: only these are ever deleted.

One file per process in ``results/manifest``, one JSON line per event. A name is written before the collection is
created, so that a run that dies leaves no nameless one behind.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from .places import RESULTS
from .verdict import CouldNotObserve

FOLDER = RESULTS / "manifest"


class Manifest:
    """The collections of this process.

    Args:
        deployment: the balancer's URL, so that a leftover can be found again.
        folder: where the file lies.
    """

    def __init__(self, deployment: str, folder: Path = FOLDER) -> None:
        self._deployment = deployment
        self._path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.jsonl"
        self._names: dict[str, bool] = {}

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def add(self, name: str) -> None:
        """Note a name that is about to be created."""
        self._names[name] = True
        self._write("created", name)

    def remove(self, name: str) -> None:
        """Note that a collection was deleted, and that this was acknowledged."""
        self._names[name] = False
        self._write("deleted", name)

    def require(self, name: str) -> None:
        """Make sure that a name may be deleted.

        Raises:
            CouldNotObserve: if this run hasn't created it.
        """
        if name not in self._names:
            raise CouldNotObserve(f"the collection {name} was not created by this run, so it is not deleted")

    def present(self) -> list[str]:
        """Return the names that were created and not deleted, in their order."""
        return [name for name, there in self._names.items() if there]

    def keep(self) -> None:
        """Leave what is present to a person: it counts as neither present nor deleted from now on."""
        for name in self.present():
            self._names[name] = False
            self._write("kept", name)

    def _write(self, event: str, name: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"event": event, "collection": name, "deployment": self._deployment, "at": time.time()})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
