"""A real Chroma server for a test, on a free port and in a temporary folder."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from signoff.clients.instances import Instance
from signoff.polling import poll
from signoff.ports import unused_port
from signoff.verdict import CouldNotObserve


def _die_with_the_tests() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class RealChroma:
    """One server.

    Args:
        folder: for its data and its log.
        name: how messages call it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.url = f"http://127.0.0.1:{unused_port()}"
        self.instance = Instance(name, self.url, timedelta(seconds=10))
        folder.mkdir(parents=True, exist_ok=True)
        program = Path(sys.executable).parent / "chroma"
        self._log = (folder / "log.txt").open("w")
        self._process = subprocess.Popen(
            [program, "run", "--path", folder / "data", "--host", "127.0.0.1", "--port", self.url.rpartition(":")[2]],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_the_tests,
        )

    def wait(self) -> RealChroma:
        """Return when it answers."""
        poll(self._answers, bool, within=timedelta(seconds=30), what="Chroma answers")
        return self

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"Chroma ended with exit code {self._process.returncode} at {time.ctime()}")
        try:
            return self.instance.heartbeat() > 0
        except CouldNotObserve:
            return False
