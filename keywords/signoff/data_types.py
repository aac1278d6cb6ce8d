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
    LOCKED = "locked"
    """It answers its heartbeat, and can neither read nor write."""


class Way(Enum):
    """A way that the balancer's requests take."""

    PRIMARY = "primary"
    REPLICA = "replica"
    DATABASE = "postgres"
    SLACK = "slack"


class Disturbance(Enum):
    """What happens to requests on their way, with the fault proxy's word for it."""

    SLOW = "latency"
    BLACK_HOLE = "timeout"
    """They are swallowed, and nothing is ever said."""
    RESET = "reset_peer"
    REPLY_LOST = "lost_reply"
    """They are carried out, and the reply gets lost."""
    WRONG_STATUS = "status"
    CUT_OFF = "truncate"
    """They are carried out, and the reply is cut off."""
    NO_JSON = "garble"
    """They are carried out, and the reply says something else."""


class Concern(Enum):
    """What a larger plan is recommended for."""

    MEMORY = "memory"
    CPU = "cpu"
    DISK = "disk"
    BACKLOG = "performance"
    """More writes are owed than are carried out."""


class Urgency(Enum):
    """How urgent a recommendation is."""

    MEDIUM = "medium"
    HIGH = "high"


class Deaf(Enum):
    """What an alert channel does in place of taking a message."""

    FAILING = "fail"
    """It answers 500."""
    HANGING = "hang"
    RESETTING = "reset"


class Interruption(Enum):
    """How a run is cut short."""

    CTRL_C = "ctrl c"
    KILLED_WORKER = "killed worker"
    LOST_MACHINE = "lost machine"
    """All its processes are killed at once."""


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
