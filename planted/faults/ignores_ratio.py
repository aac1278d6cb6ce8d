"""Sends every read to the primary, whatever share of them the replica should have."""

from __future__ import annotations

from collections.abc import Sequence

from stack.balancer.instance import Instance
from stack.balancer.routing import Router


def plant() -> None:
    def choose(self: Router, candidates: Sequence[Instance]) -> Instance:
        return candidates[0]

    Router.choose = choose  # type: ignore[method-assign]
