"""Which instance a read goes to. Pure but for the running share of the replica."""

from __future__ import annotations

from collections.abc import Sequence

from .instance import Instance
from .settings import Strategy


class Router:
    """Spreads reads over the instances that may serve them.

    Args:
        strategy: how to choose where there is a choice.
        ratio: share of reads for the replica under ``optimized_read_replica``, 0 to 1.
    """

    def __init__(self, strategy: Strategy, ratio: float) -> None:
        self._strategy = strategy
        self._ratio = ratio
        self._credit = 0.0
        self._turn = 0

    def choose(self, candidates: Sequence[Instance]) -> Instance:
        """Return the instance for the next read.

        Args:
            candidates: instances that are healthy and in line, primary first; at least one.

        An instance whose last call failed is passed over while another one is there. The share is kept
        exactly, by carrying over what is left of it from read to read, not by chance.
        """
        trusted = [instance for instance in candidates if instance.trusted] or list(candidates)
        if len(trusted) == 1:
            return trusted[0]
        if self._strategy is Strategy.PRIMARY_ONLY:
            return trusted[0]
        if self._strategy is Strategy.ROUND_ROBIN:
            self._turn = (self._turn + 1) % len(trusted)
            return trusted[self._turn]
        self._credit += self._ratio
        # The tolerance keeps 0.1 + 0.1 + … from falling just short of a whole.
        if self._credit >= 1.0 - 1e-9:
            self._credit -= 1.0
            return trusted[1]
        return trusted[0]
