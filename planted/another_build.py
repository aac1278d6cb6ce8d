"""A second balancer that is correct, and works in another way: ``python -m planted.another_build``.

It asks both instances at the same time, and never joins what an instance owes: its order of events, its timing and its
load on the instances are other ones than the reference balancer's, and nothing that it promises is.
"""

from __future__ import annotations

import sys

from stack.balancer import replication
from stack.balancer.__main__ import main

if __name__ == "__main__":
    replication.HEDGE = 0.0
    replication.GATHER = 0.0
    sys.exit(main())
