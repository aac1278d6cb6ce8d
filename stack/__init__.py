"""The local stack: a real highly available ChromaDB deployment on this machine, while somebody needs it.

Two Chroma servers, a PostgreSQL, a balancer, a Slack webhook and an imitation of the Render API, as real
processes on loopback ports. ``python -m stack up`` brings it up. Nothing in here knows the keyword library:
the two meet at HTTP and SQL.
"""

import time

STARTED = time.monotonic()
"""When this process began to load the stack's code: what "up in X s" counts from."""
