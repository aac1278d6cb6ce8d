"""Loopback ports that stay the stack's own for its whole life, also while their service is suspended."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import StackError

HOST = "127.0.0.1"
_LOWEST = 20_000
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this TCP port of the loopback interface right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections in TIME_WAIT don't count, a listener does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _first_ephemeral_port() -> int:
    """Lower end of the range from which the kernel takes ports for outgoing connections."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768


class Ports:
    """Chooses a port for each name and keeps it reserved until :meth:`release`.

    Ports come from below the kernel's ephemeral range: otherwise an outgoing connection could take the port
    of a suspended service, which then couldn't be resumed. A port is reserved against other stacks by
    holding the *UDP* port of the same number, which nothing else wants: that is atomic, works between
    processes and ends with this process.

    Args:
        names: every name that needs a port.
        wanted: ports that a person asked for, by name.

    Raises:
        StackError: a wanted port is taken, not a port, or its name is unknown; or no port is free.
    """

    def __init__(self, names: Sequence[str], wanted: Mapping[str, int]) -> None:
        self._reservations: list[socket.socket] = []
        self._ports: dict[str, int] = {}
        unknown = sorted(set(wanted) - set(names))
        if unknown:
            raise StackError(f"--port knows no {unknown[0]!r}; the names are {', '.join(names)}.")
        try:
            for name, port in wanted.items():
                self._ports[name] = self._take_wanted(name, port)
            for name in names:
                if name not in self._ports:
                    self._ports[name] = self._take_any()
        except StackError:
            self.release()
            raise

    def __getitem__(self, name: str) -> int:
        return self._ports[name]

    def release(self) -> None:
        """Give all ports back."""
        for reservation in self._reservations:
            reservation.close()
        self._reservations.clear()

    def _take_wanted(self, name: str, port: int) -> int:
        if not 1 <= port <= 65_535:
            raise StackError(f"--port {name}={port}: a port is a number from 1 to 65535.")
        if port in self._ports.values():
            raise StackError(f"--port {name}={port}: this port was already given to another service.")
        # A person's port may well be in use for UDP by something unrelated, so a failed reservation is no
        # refusal.
        self._reserve(port)
        if not is_free(port):
            raise StackError(
                f"Port {port} is taken, so {name} can't have it; choose another with --port {name}=NUMBER, "
                "or leave it out for a free one."
            )
        return port

    def _take_any(self) -> int:
        highest = _first_ephemeral_port() - 1
        lowest = _LOWEST if highest - _LOWEST > 1_000 else 1_024
        for _ in range(_TRIES):
            port = random.randint(lowest, max(lowest, highest))
            if port in self._ports.values() or not self._reserve(port):
                continue
            if is_free(port):
                return port
            self._reservations.pop().close()
        raise StackError(f"No free port found between {lowest} and {highest} in {_TRIES} tries.")

    def _reserve(self, port: int) -> bool:
        reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            reservation.bind((HOST, port))
        except OSError:
            reservation.close()
            return False
        self._reservations.append(reservation)
        return True
