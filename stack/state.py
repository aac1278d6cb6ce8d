"""Where a running stack lives and how others find it: its temporary folder and the state file in there.

Folders are ``signoff-stack-<pid>-<random>``. The state file says whose folder it is (pid and start time,
since pids are used again).
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .errors import StackError
from .leftovers import remove_leftovers
from .processes import is_same_process, start_time

STATE_FILE = "stack.json"
_PREFIX = "signoff-stack-"
_NAMELESS_SECONDS = 60.0


@dataclass(frozen=True)
class ServiceState:
    """What a service is doing: ``state`` is in the words of :class:`stack.supervisor.State`."""

    name: str
    port: int
    pid: int | None
    state: str


@dataclass(frozen=True)
class StackState:
    """A stack as its state file tells it.

    Args:
        pid: the supervisor's.
        started: when the supervisor was started, as :func:`stack.processes.start_time` says.
        folder: the temporary folder.
        logs: the log folder.
        for_person: started by a person (``up``), not by a program (``up --json``).
        values: what ``up --json`` prints; empty while the stack is still starting.
        services: all services, in the order of their start.
    """

    pid: int
    started: float
    folder: str
    logs: str
    for_person: bool
    values: dict[str, str] = field(default_factory=dict)
    services: list[ServiceState] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        """Whether its supervisor is alive."""
        return is_same_process(self.pid, self.started)

    def write(self) -> None:
        """Replace the state file as a whole, for its owner only: it holds the key and the password."""
        path = Path(self.folder) / STATE_FILE
        draft = path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        draft.replace(path)


def read_state(folder: Path) -> StackState | None:
    """The state of the stack in this folder; ``None`` when there is no whole state file."""
    try:
        data = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        services = [ServiceState(**service) for service in data.pop("services")]
        return StackState(**data, services=services)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def open_to_others(folder: Path) -> bool:
    """Whether any user may enter this folder, judged by the permission bits from the root down."""
    return all(part.stat().st_mode & stat.S_IXOTH for part in (folder, *folder.parents))


def _temporary_roots() -> list[Path]:
    """Folders for temporary data, the preferred one first."""
    roots: list[Path] = []
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        path = Path(candidate).resolve()
        if path.is_dir() and path not in roots:
            roots.append(path)
    return roots


def create_folder(logs: Path, *, for_person: bool) -> StackState:
    """Create this process's stack folder, with its state file.

    Raises:
        StackError: as root, when no temporary folder can be entered by PostgreSQL's user.
    """
    roots = _temporary_roots()
    if os.geteuid() == 0:  # PostgreSQL then runs as another user, who has to get there
        roots = [root for root in roots if open_to_others(root)]
    if not roots:
        raise StackError(
            f"PostgreSQL can't run as root, and another user can't enter {tempfile.gettempdir()}; "
            "set TMPDIR to a folder that everybody may enter."
        )
    pid = os.getpid()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{pid}-", dir=roots[0]))
    if os.geteuid() == 0:
        folder.chmod(0o711)
    started = start_time(pid)
    assert started is not None, "a running process has a start time"
    state = StackState(pid, started, str(folder), str(logs), for_person)
    state.write()
    return state


def _folders() -> list[Path]:
    """This user's stack folders. Others' are none of our business, and links could lead anywhere."""
    found: list[Path] = []
    for root in _temporary_roots():
        for folder in sorted(root.glob(f"{_PREFIX}*")):
            try:
                about = folder.lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid():
                found.append(folder)
    return found


def running_stacks() -> list[StackState]:
    """All stacks of this user whose supervisor is alive."""
    states = [read_state(folder) for folder in _folders()]
    return [state for state in states if state is not None and state.is_running]


def sweep() -> list[Path]:
    """End and remove what dead supervisors left; normally their guards already did.

    Returns:
        The folders that were removed.
    """
    removed: list[Path] = []
    for folder in _folders():
        state = read_state(folder)
        if state is not None and state.is_running:
            continue
        if state is None and not _is_old(folder):
            continue  # perhaps just being created
        remove_leftovers(folder)
        removed.append(folder)
    return removed


def _is_old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > _NAMELESS_SECONDS
    except FileNotFoundError:
        return False
