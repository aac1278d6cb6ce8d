"""Lets an instance serve reads before it has caught up."""

from __future__ import annotations

from stack.balancer.replication import Replication


def plant() -> None:
    Replication.in_line = lambda self, instance, key: True  # type: ignore[method-assign]
