"""An instance goes, or returns: pure decisions, from what the balancer says of its instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Transition:
    """An instance became unhealthy, or healthy again.

    Attributes:
        instance: what the balancer calls it.
        at: when that was seen.
        since: when it had become unhealthy, for one that is healthy again.
    """

    instance: str
    healthy: bool
    at: datetime
    since: datetime | None = None


class InstanceStates:
    """What is known of each instance.

    A deployment is expected to be healthy: an instance that is unhealthy when it is first seen has gone.

    Args:
        unhealthy_since: the instances that are known to be away, and since when.
    """

    def __init__(self, unhealthy_since: Mapping[str, datetime] | None = None) -> None:
        self._unhealthy_since = dict(unhealthy_since or {})

    @property
    def unhealthy_since(self) -> Mapping[str, datetime]:
        """The instances that are away, and since when."""
        return dict(self._unhealthy_since)

    def note(self, healthy: Mapping[str, bool], at: datetime) -> list[Transition]:
        """Return what has changed, by the names of the instances.

        Args:
            healthy: whether each instance is healthy. One that is not in it is as it was.
        """
        changes = []
        for instance in sorted(healthy):
            since = self._unhealthy_since.get(instance)
            if healthy[instance] and since is not None:
                del self._unhealthy_since[instance]
                changes.append(Transition(instance, True, at, since))
            elif not healthy[instance] and since is None:
                self._unhealthy_since[instance] = at
                changes.append(Transition(instance, False, at))
        return changes
