"""Deployments that are set up in another way, and correct: every requirement has to be met on each of them.

A check that turns red for one of these is a false alarm, which is as bad as a fault that is not seen: people learn to
look away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

_CORE = ("DOC-1", "DOC-3", "WAL-1", "FAIL-5", "TXN-1", "HEALTH-4")
"""What a proof looks at in every variant, unless all is asked for."""
_CATCHING_UP = (*_CORE, "WAL-3")
_SYNC = (*_CATCHING_UP, "SYNC-2")


@dataclass(frozen=True)
class Variant:
    """A deployment that is set up in another way.

    Attributes:
        name: one word for it.
        sentence: what is different, for people.
        settings: environment variables of the balancer and the sync services, by name.
        balancer: the command of another balancer, in place of the reference one.
        toxics: what the ways to the instances do, as in ``planted/wire``; nothing that loses or changes anything.
        restarted: whether the balancer is killed and started again before it is looked at.
        requirements: what is looked at, unless all is asked for.
    """

    name: str
    sentence: str
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    balancer: str = ""
    toxics: Mapping[str, Sequence[Mapping[str, object]]] = field(default_factory=lambda: MappingProxyType({}))
    restarted: bool = False
    requirements: tuple[str, ...] = _CORE


VARIANTS = (
    Variant("primary_only", "All reads go to the primary.", {"LOAD_BALANCE_STRATEGY": "primary_only"}),
    Variant(
        "round_robin",
        "The instances take turns with reads.",
        {"LOAD_BALANCE_STRATEGY": "round_robin"},
    ),
    Variant("replica_reads", "All reads go to the replica.", {"READ_REPLICA_RATIO": "1"}),
    Variant("few_replica_reads", "One read in ten goes to the replica.", {"READ_REPLICA_RATIO": "0.1"}),
    Variant(
        "tiny_batches",
        "An instance catches up ten documents at a time.",
        {"DEFAULT_BATCH_SIZE": "10"},
        requirements=_CATCHING_UP,
    ),
    Variant(
        "large_batches",
        "An instance catches up with as many documents at a time as Chroma takes.",
        {"DEFAULT_BATCH_SIZE": "5000", "MAX_BATCH_SIZE": "5000"},
        requirements=_SYNC,
    ),
    Variant(
        "traditional",
        "There are no sync workers: the balancer does it all.",
        {"SYNC_MODE": "traditional"},
        requirements=_CATCHING_UP,
    ),
    Variant(
        "small_chunks",
        "Sync tasks are of 250 documents.",
        {"SYNC_CHUNK_SIZE": "250"},
        requirements=_SYNC,
    ),
    Variant("restarted", "The balancer was killed and started again.", restarted=True, requirements=_CATCHING_UP),
    Variant(
        "slow_replica",
        "The replica is 15 ms further away.",
        toxics={"replica": [{"name": "far", "type": "latency", "attributes": {"latency": 15}}]},
        requirements=_CATCHING_UP,
    ),
    Variant(
        "another_build",
        "Another build: it applies each row alone, and at once.",
        balancer="planted.another_build",
        requirements=_CATCHING_UP,
    ),
)
"""All variants."""
