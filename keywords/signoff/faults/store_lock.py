"""Holds the lock of an SQLite store until its standard input ends; so never longer than its owner lives.

Run as a program of its own: ``python store_lock.py FILE IMMEDIATE|EXCLUSIVE``. It says ``ready`` before it touches
anything, waits for a line, takes the lock, and says ``locked`` and the moment in seconds of the monotonic clock. With
IMMEDIATE nobody else can write, with EXCLUSIVE nobody else can read either. Nothing is ever written.
"""

from __future__ import annotations

import sqlite3
import sys
import time

_BUSY_SECONDS = 10.0


def main() -> int:
    path, mode = sys.argv[1:]
    connection = sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None, timeout=_BUSY_SECONDS)
    print("ready", flush=True)
    if sys.stdin.readline():
        connection.execute(f"BEGIN {mode}")
        print(f"locked {time.monotonic()}", flush=True)
        sys.stdin.read()
        connection.execute("ROLLBACK")
    connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
