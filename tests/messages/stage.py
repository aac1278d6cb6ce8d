"""A stage for one keyword: a deployment made of plain values, so that the real keyword fails with its real message."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from signoff import polling
from signoff.environment import Limits, Settings
from signoff.faults.guard import Use
from signoff.ledger import Ledger
from signoff.testbed import Testbed, Tracked
from signoff.verdict import VerdictError

KEYWORDS = Path(__file__).resolve().parents[2] / "keywords"
LIBRARIES = tuple(sorted(path.stem for path in KEYWORDS.glob("*Library.py")))
_SECOND = timedelta(seconds=1)

LIMITS = Limits(
    health_p95=timedelta(milliseconds=50),
    status_lie_max=_SECOND,
    sync_lag_max=5 * _SECOND,
    sync_lag_goal=_SECOND,
    failover_max=_SECOND,
    freeze_failover_max=2 * _SECOND,
    gray_failover_max=3 * _SECOND,
    recovery_max=15 * _SECOND,
    resurrection_watch=5 * _SECOND,
    heartbeat_max=5 * _SECOND,
    alert_max=2 * _SECOND,
    write_min=50,
    query_min=100,
    monthly_budget=60,
    contract={},
)
SETTINGS = Settings("optimized_read_replica", 0.8, 0.5 * _SECOND, 3, 10 * _SECOND, 2 * _SECOND, 1000)
INSTANCES = {"primary": "chroma-primary", "replica": "chroma-replica"}


@dataclass
class HurriedClock:
    """A clock that a wait moves on, so that a deadline passes at once."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


@dataclass
class Stage:
    """What the keyword sees.

    Attributes:
        bed: the deployment; give it what the keyword asks for.
    """

    bed: SimpleNamespace
    _was: list[tuple[Any, str, Any]] = field(default_factory=list)

    def replace(self, module: Any, name: str, value: Any) -> None:
        """Give a module something else under a name, until the stage is cleared."""
        self._was.append((module, name, getattr(module, name)))
        setattr(module, name, value)

    def measures(self, module: Any, name: str, value: Any) -> None:
        """Let a function that would measure a deployment return a value."""
        self.replace(module, name, lambda *_, **__: value)

    def knows(self, name: str) -> Tracked:
        """Let the run have created a collection, and return what is known of it."""
        ledger = Ledger(lambda: datetime(2026, 3, 1, 12, 0, 0, 97_000))
        self.bed.collections[name] = tracked = Tracked(name, id="b1", ledger=ledger)
        return tracked

    def clear(self) -> None:
        for module, name, value in reversed(self._was):
            setattr(module, name, value)


@contextmanager
def set_up() -> Iterator[Stage]:
    """Set up a stage on which every library finds the constructed deployment, and no wait takes time."""
    collections: dict[str, Tracked] = {}
    bed = SimpleNamespace(
        environment=SimpleNamespace(
            limits=LIMITS, settings=SETTINGS, dialect=SimpleNamespace(instances=INSTANCES), local=None, destructive=True
        ),
        guard=SimpleNamespace(use=Use.ALONE),
        balancer=SimpleNamespace(),
        database=SimpleNamespace(),
        faults=SimpleNamespace(restored_at=lambda role: 0.0, events=[], any_open=False),
        collections=collections,
        tracked=collections.__getitem__,
        pending_seen=True,
    )
    bed.unserved = lambda status=None: Testbed.unserved(bed, status)
    bed.require_faults = lambda: Testbed.require_faults(bed)
    stage = Stage(bed)
    defaults: dict[str, Any] = polling.poll.__kwdefaults__ or {}
    was = defaults["clock"]
    for library in LIBRARIES:
        module = importlib.import_module(library)
        if hasattr(module, "current"):
            stage.replace(module, "current", lambda: bed)
    defaults["clock"] = HurriedClock()
    try:
        yield stage
    finally:
        defaults["clock"] = was
        stage.clear()


def message_of(play: Callable[[Stage], None]) -> str:
    """Play one scene, and return the message of the failure that it ends in."""
    with set_up() as stage:
        try:
            play(stage)
        except VerdictError as error:
            return str(error)
    raise AssertionError(f"{play.__name__} did not fail")


if str(KEYWORDS) not in sys.path:
    sys.path.insert(0, str(KEYWORDS))
