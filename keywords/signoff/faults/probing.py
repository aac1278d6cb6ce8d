"""Direct probes: whether a service itself answers, whatever the balancer says of it."""

from __future__ import annotations

from datetime import timedelta

from ..testbed import Testbed
from ..traffic import Sampler

PROBE_TIMEOUT = timedelta(seconds=2)
PROBE_EVERY = timedelta(milliseconds=40)


def probe(bed: Testbed, role: str) -> Sampler[bool]:
    """Begin to ask a service directly whether it works, again and again."""

    def alive() -> bool:
        bed.ask(role, PROBE_TIMEOUT)
        return True

    return Sampler(alive, PROBE_EVERY).start()
