"""The faults of this process, stage by stage, and everybody who wants to hear of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import Enum
from itertools import count as counter

from ..history import FaultEvent, FaultKind, Stage

Listener = Callable[[FaultEvent], None]


class Milestone(Enum):
    """What is seen after a fault, and timed."""

    DETECTED = "detected"
    """The status told of it."""
    FAILED_OVER = "failed over"
    """A write was acknowledged and readable."""
    RECOVERED = "recovered"
    """After the return, everything was healthy again."""


class FaultLog:
    """What was broken and mended. Stages are told once they are proved, with the moment at which they were reached.

    Attributes:
        listeners: hear of each stage.
        effective_at: when the last fault took effect, in seconds of the monotonic clock; None if there was none.
        broken_at: when each target was last broken, on the wall clock.
        events: every stage of every fault, in the order in which they were told.
        milestones: what was seen since the last fault took effect, and when, in seconds of the monotonic clock; the
            first time counts.
    """

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.effective_at: float | None = None
        self.broken_at: dict[str, datetime] = {}
        self.events: list[FaultEvent] = []
        self.milestones: dict[Milestone, float] = {}
        self._numbers = counter(1)
        self._open: dict[str, tuple[str, FaultKind]] = {}
        self._effective: dict[str, float] = {}
        self._restored: dict[str, float] = {}

    def proved(self, kind: FaultKind, target: str, effective_at: float, evidence: str) -> None:
        """Note that a fault is there, which was just proved.

        Args:
            target: primary, replica, balancer, postgres, or the way to an instance.
            effective_at: when it took effect, in seconds of the monotonic clock.
            evidence: what the independent probe saw.
        """
        self.effective_at = effective_at
        self.milestones = {}
        ago = timedelta(seconds=time.monotonic() - effective_at)
        self.broken_at[target] = datetime.now().astimezone() - ago
        name = f"{next(self._numbers)} ({target}: {kind.value})"
        self._open[target] = name, kind
        self._effective[target] = effective_at
        self._tell(FaultEvent(name, kind, target, Stage.INJECTED, effective_at, evidence))
        self._tell(FaultEvent(name, kind, target, Stage.PROVED, time.monotonic(), evidence))

    def restored(self, target: str, undone_at: float, evidence: str) -> None:
        """Note that a fault is gone, which was just proved; nothing if none was open.

        Args:
            undone_at: when its undoing began, in seconds of the monotonic clock.
        """
        self._restored[target] = time.monotonic()
        if target in self._open:
            name, kind = self._open.pop(target)
            self._tell(FaultEvent(name, kind, target, Stage.UNDONE, undone_at, evidence))
            self._tell(FaultEvent(name, kind, target, Stage.RESTORED, self._restored[target], evidence))

    def restored_at(self, target: str) -> float:
        """Return when a target was last proved to be back, in seconds of the monotonic clock; now if it never was."""
        return self._restored.get(target, time.monotonic())

    def last_return(self, targets: Collection[str]) -> float | None:
        """Return when the last of some targets was proved to be back; None if none of them was ever away."""
        return max((at for target, at in self._restored.items() if target in targets), default=None)

    def reached(self, milestone: Milestone) -> None:
        """Note that something was just seen for the first time since the last fault."""
        self.milestones.setdefault(milestone, time.monotonic())

    @property
    def open_since(self) -> float | None:
        """When the last of what is broken now was broken, in seconds of the monotonic clock; None if nothing is."""
        return max((at for target, at in self._effective.items() if target in self._open), default=None)

    @property
    def any_open(self) -> bool:
        """Whether something is broken now."""
        return bool(self._open)

    def _tell(self, event: FaultEvent) -> None:
        self.events.append(event)
        for listener in self.listeners:
            listener(event)
