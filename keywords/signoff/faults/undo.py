"""The undo journal: what has to be put right again, on disk before anything is broken.

One file per process in ``results/undo``. A line is written, and forced to the disk, before a service is suspended or a
process is frozen; another one after it was proved to be back. Whatever an interrupted run left open is undone by
:func:`replay`, which can be called again and again.
"""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..clients.render import RenderApi
from ..clients.wire import Wire
from ..environment import Environment
from ..places import RESULTS
from ..verdict import CouldNotObserve
from ..words import shortened
from .local_processes import ProcessId, is_alive, is_stopped, tell

FOLDER = RESULTS / "undo"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_UNDONE_WITHIN = 5.0


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


class Remedy(Enum):
    """How processes are put right again."""

    THAW = signal.SIGCONT
    """They were frozen, and go on."""
    END = signal.SIGKILL
    """They are the tests' own and hold something, which ends with them."""


@dataclass(frozen=True)
class Held:
    """Processes on this machine that were, or are about to be, frozen; or that hold something.

    Attributes:
        id: of this entry.
        state: the state file of the stack they belong to, which tells it from others.
        role: what they are, or keep from working, in the deployment.
        remedy: what puts it right.
        at: Unix time.
    """

    id: str
    state: str
    role: str
    remedy: Remedy
    processes: tuple[ProcessId, ...]
    at: float

    def undo(self) -> None:
        """Put it right, and make sure of it.

        Raises:
            CouldNotObserve: if a process is still as it was.
        """
        tell(self.processes, self.remedy.value)
        deadline = time.monotonic() + _UNDONE_WITHIN
        while left := [process.pid for process in self.processes if self._holds(process)]:
            if time.monotonic() > deadline:
                raise CouldNotObserve(f"the process {left[0]} of the {self.role} can't be put right")
            time.sleep(0.01)

    def _holds(self, process: ProcessId) -> bool:
        return is_stopped(process) if self.remedy is Remedy.THAW else is_alive(process)


@dataclass(frozen=True)
class Poisoned:
    """A fault that a proxy was, or is about to be, given.

    Attributes:
        id: of this entry.
        control: the proxy's control URL.
        role: the instance that the proxy stands before.
        name: the fault's name there.
        at: Unix time.
    """

    id: str
    control: str
    role: str
    name: str
    at: float

    def undo(self) -> None:
        """Take the fault away, if it is there.

        Raises:
            CouldNotObserve: if the proxy doesn't do that.
        """
        reply = Wire(f"the proxy of the {self.role}", self.control).call("DELETE", f"/toxics/{self.name}")
        if reply.status not in (204, 404):
            raise CouldNotObserve(f"the proxy of the {self.role} keeps the fault {self.name}: {reply.text}")


@dataclass(frozen=True)
class SilentSink:
    """A place for alerts that was, or is about to be, told not to take any.

    Attributes:
        id: of this entry.
        url: its base URL.
        role: what it is in the deployment.
        at: Unix time.
    """

    id: str
    url: str
    role: str
    at: float

    def undo(self) -> None:
        """Let it take alerts.

        Raises:
            CouldNotObserve: if it doesn't do that.
        """
        reply = Wire("the alert sink", self.url).call("PUT", "/mode", payload={"mode": "ok"})
        if reply.status != 200:
            raise CouldNotObserve(f"the alert sink does not take alerts again: {reply.text}")


Entry = Suspension | Held | Poisoned | SilentSink


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

    def register_processes(self, state: Path, role: str, remedy: Remedy, processes: Sequence[ProcessId]) -> Held:
        """Write down that processes have to be put right; call it before anything is done to them, or by them.

        Returns:
            The entry, for :meth:`resolve`.
        """
        entry = Held(uuid.uuid4().hex, str(state), role, remedy, tuple(processes), time.time())
        _append(self._path, {"held": {**asdict(entry), "remedy": remedy.name}})
        return entry

    def register_toxic(self, control: str, role: str, name: str) -> Poisoned:
        """Write down that a proxy's fault has to be taken away; call it before it is given.

        Returns:
            The entry, for :meth:`resolve`.
        """
        entry = Poisoned(uuid.uuid4().hex, control, role, name, time.time())
        _append(self._path, {"poisoned": asdict(entry)})
        return entry

    def register_sink(self, url: str) -> SilentSink:
        """Write down that a place for alerts has to take them again; call it before it is told not to.

        Returns:
            The entry, for :meth:`resolve`.
        """
        entry = SilentSink(uuid.uuid4().hex, url, "alert sink", time.time())
        _append(self._path, {"silent": asdict(entry)})
        return entry

    def resolve(self, entry: Entry) -> None:
        """Write down that all is as before; call it after that was proved."""
        _append(self._path, {"resolved": entry.id})


def unresolved(folder: Path = FOLDER) -> list[tuple[Path, Entry]]:
    """Return what is still to be undone, of all processes, oldest first.

    Raises:
        CouldNotObserve: if a journal has a line that this version doesn't know, so that nobody can tell.
    """
    found: list[tuple[Path, Entry]] = []
    for path in sorted(folder.glob("*.jsonl")):
        open_entries: dict[str, Entry] = {}
        for line in _lines(path):
            if "resolved" in line:
                open_entries.pop(str(line["resolved"]), None)
                continue
            try:
                entry = _entry(line)
            except (KeyError, TypeError, ValueError):
                raise CouldNotObserve(
                    f"{path} has a line that is no entry of an undo journal: {shortened(json.dumps(line))}; put right "
                    "by hand what it names, and delete the file"
                ) from None
            open_entries[entry.id] = entry
        found += [(path, entry) for entry in open_entries.values()]
    return sorted(found, key=lambda item: item[1].at)


def _entry(line: Mapping[str, Any]) -> Entry:
    ((kind, values),) = line.items()
    match kind:
        case "suspended":
            return Suspension(**values)
        case "held":
            return _held(values)
        case "poisoned":
            return Poisoned(**values)
        case "silent":
            return SilentSink(**values)
        case _:
            raise ValueError(kind)


def out_of_reach(environment: Environment, folder: Path = FOLDER) -> list[tuple[Path, Suspension]]:
    """Return hosted services that interrupted runs left suspended, if this environment has no key to resume any.

    Raises:
        CouldNotObserve: as :func:`unresolved` does.
    """
    if environment.render is not None:
        return []
    return [
        (path, entry)
        for path, entry in unresolved(folder)
        # What was suspended of a local stack is gone with it.
        if isinstance(entry, Suspension) and urlsplit(entry.api_url).hostname not in LOOPBACK
    ]


def replay(environment: Environment, folder: Path = FOLDER) -> list[str]:
    """Undo what interrupted runs left suspended, frozen or held in this environment.

    Args:
        environment: whose Render API and processes are used; entries of other ones are left as they are.
        folder: where the journals lie.

    Returns:
        The roles that were put right.

    Raises:
        CouldNotObserve: if that fails; the entry stays open.
    """
    undone = []
    for path, entry in unresolved(folder):
        if isinstance(entry, Held):
            if environment.local is None or entry.state != str(environment.local.state):
                continue
            entry.undo()
        elif isinstance(entry, Poisoned):
            if entry.control not in environment.proxies.values():
                continue
            entry.undo()
        elif isinstance(entry, SilentSink):
            if environment.alerts is None or entry.url != environment.alerts.url:
                continue
            entry.undo()
        else:
            if environment.render is None or entry.api_url != environment.render.api_url:
                continue
            try:
                RenderApi(environment.render).resume_service(entry.kind, entry.service)
            except CouldNotObserve as error:
                raise CouldNotObserve(
                    f"the {entry.role} may still be suspended ({path.name}): {error.sentence}"
                ) from None
        _append(path, {"resolved": entry.id})
        if entry.role not in undone:
            undone.append(entry.role)
    return undone


def _held(values: Mapping[str, Any]) -> Held:
    processes = tuple(ProcessId(**process) for process in values["processes"])
    return Held(**{**values, "remedy": Remedy[values["remedy"]], "processes": processes})


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
