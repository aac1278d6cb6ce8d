"""The words that suites use for places, roles and kinds, as the keyword libraries' arguments take them."""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """One of the two instances."""

    PRIMARY = "primary"
    REPLICA = "replica"


class Place(Enum):
    """Where documents are read: through the balancer, directly on an instance, or on several."""

    BALANCER = ("balancer",)
    PRIMARY = ("primary",)
    REPLICA = ("replica",)
    BOTH = ("primary", "replica")
    """Both instances, each read directly."""
    EVERYWHERE = ("balancer", "primary", "replica")


class Failing(Enum):
    """How an instance fails."""

    SUSPENDED = "suspended"
    """By the control plane."""
    CRASHED = "crashed"
    FROZEN = "frozen"
    UNABLE_TO_WRITE = "unable to write"
    """It answers its heartbeat, and is read as usual."""


class Mix(Enum):
    """What a load consists of."""

    ADDS = "adds"
    MIXED = "mixed"
    """Adds, updates, upserts and deletes; about a third are deletes."""


class Request(Enum):
    """A kind of request in the write-ahead log, by the end of its path."""

    ADD = "/add"
    UPDATE = "/update"
    UPSERT = "/upsert"
    DELETE = "/delete"
    ANY = ""
