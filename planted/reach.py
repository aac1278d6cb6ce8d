"""Which requirements look at what: a fault that touches one of these has good reason to break any of them."""

from __future__ import annotations

WORKLOADS = (
    *("FAIL-1", "FAIL-2", "FAIL-3", "FAIL-4", "FAIL-7", "FAIL-8"),
    *("WAL-4", "WAL-5", "TXN-4", "TXN-5", "PROD-2", "MON-3"),
)
"""Clients are at work through a fault, and all that they did is judged."""

REPLICA_RETURNS = (
    *("WAL-2", "WAL-3", "WAL-4", "MAP-4", "MAP-5", "FAIL-2", "FAIL-4", "FAIL-9", "FAIL-10"),
    *("TXN-2", "TXN-5", "WAL-5", "MON-4", "PROD-1", "SYNC-1", "SYNC-2", "SYNC-3"),
)
"""Something is owed to the replica while it is away, and has to be there when it is back."""

PRIMARY_RETURNS = (
    *("DOC-2", "HEALTH-6", "FAIL-1", "FAIL-3", "FAIL-5", "FAIL-6", "FAIL-7", "FAIL-8", "FAIL-9", "FAIL-10"),
    *("TXN-2", "TXN-4", "TXN-5", "WAL-5", "PROD-2", "MON-3", "SYNC-4"),
)
"""As above, of the primary."""

RETURNS = tuple(dict.fromkeys((*REPLICA_RETURNS, *PRIMARY_RETURNS)))
"""Something is owed to either of them."""

CONTENTS = tuple(
    dict.fromkeys(
        (
            *("DOC-1", "DOC-2", "DOC-3", "DOC-4", "DOC-5", "MAP-3", "LB-1", "LB-2", "PROD-3", "PROD-4"),
            *("PROD-5", "PROD-6", "PROD-8"),
            *RETURNS,
        )
    )
)
"""Documents are compared on both instances."""

OUTAGES = tuple(dict.fromkeys((*WORKLOADS, *RETURNS, "HEALTH-1", "HEALTH-3", "HEALTH-5", "HEALTH-6", "PROD-7")))
"""An instance goes, and work goes on."""

TRANSACTIONS = ("TXN-1", "TXN-2", "TXN-3", "TXN-4", "TXN-5", "FAIL-9", "LB-2", "WAL-5", "PROD-2")
"""What the transaction log says is compared with what clients were told."""

SYNC_WORKERS = ("SYNC-1", "SYNC-2", "SYNC-3", "WAL-3", "DOC-4", "MON-4", "PROD-1")
"""Sync workers carry a backlog over."""
