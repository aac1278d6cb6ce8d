"""What the monitor has noticed and not yet told, on disk: a monitor that is killed goes on where it was.

It is a file and not a table, so that Slack is told, and told once, also while the database is away. Each change
replaces the file as a whole, so whoever dies in between leaves the old one or the new one. Only who is killed in the
moment between Slack's answer and the note of it has a successor that tells the same again: better than never.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Remembered:
    """What an earlier process of the monitor knew.

    Attributes:
        unhealthy_since: the instances that were away, each with the time at which that was noticed.
        waiting: messages that Slack has not taken, oldest first.
        recommended: when the newest recommendation was written whose message was ever waiting; None if none is known.
    """

    unhealthy_since: Mapping[str, datetime] = field(default_factory=dict)
    waiting: tuple[Mapping[str, Any], ...] = ()
    recommended: datetime | None = None


class Memory:
    """The file.

    Args:
        file: where it lies; None for a monitor that remembers nothing.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def recall(self) -> Remembered:
        """Return what was last remembered; nothing if there is no file, or no whole one."""
        if self._file is None or not self._file.exists():
            return Remembered()
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            since = {str(name): datetime.fromisoformat(at) for name, at in content["unhealthy_since"].items()}
            recommended = content.get("recommended")
            return Remembered(
                since,
                tuple(dict(message) for message in content["waiting"]),
                None if recommended is None else datetime.fromisoformat(recommended),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            # To tell something twice is better than not to tell it.
            _log.warning("what was remembered can't be read: %s", error)
            return Remembered()

    def keep(self, now: Remembered) -> None:
        """Remember this in place of what was remembered before."""
        if self._file is None:
            return
        content = {
            "unhealthy_since": {name: at.isoformat() for name, at in now.unhealthy_since.items()},
            "waiting": [dict(message) for message in now.waiting],
            "recommended": None if now.recommended is None else now.recommended.isoformat(),
        }
        new = self._file.with_name(f"{self._file.name}.new")
        try:
            new.write_text(json.dumps(content), encoding="utf-8")
            new.replace(self._file)
        except OSError as error:
            # Slack is told all the same.
            _log.warning("nothing can be remembered: %s", error.strerror)
