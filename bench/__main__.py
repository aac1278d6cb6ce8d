"""Runs every benchmark on one stack and prints a table: ``python -m bench [--only PART]``."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "keywords"))

from signoff.local_stack import LocalStack

from . import comparing, growth, judging, lag, outage, refill, throughput, workload

REPEATS = 10
RESULTS = Path(__file__).resolve().parents[1] / "results"
Row = tuple[str, str, str, str]


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _holds(holds: bool) -> str:
    return "yes" if holds else "NO"


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def _throughput(endpoints: dict[str, str]) -> Iterable[Row]:
    for kind, goal in throughput.GOALS.items():
        for clients in (1, 8):
            result = throughput.measure(
                _port(endpoints["PRIMARY_URL"]), _port(endpoints["BALANCER_URL"]), kind, clients
            )
            yield (
                f"{kind}, {clients} client{'s' if clients > 1 else ''}",
                f"{result.balanced:.0f}/s of {result.direct:.0f}/s direct: {result.ratio:.2f}",
                f">= {goal}" + ("" if kind != "add" or clients == 1 else " (goal for 1 client)"),
                _holds(result.ratio >= goal),
            )


def _outage(endpoints: dict[str, str]) -> Iterable[Row]:
    state = Path(endpoints["STACK_STATE"])
    crashes = [asyncio.run(outage.crash_once(endpoints["BALANCER_URL"], state)) for _ in range(REPEATS)]
    first = [crash.first_ok for crash in crashes]
    p95 = _percentile(first, 95)
    yield (
        f"first acknowledged write after kill -9 of the primary, {REPEATS} repeats",
        f"median {statistics.median(first) * 1e3:.0f} ms, p95 {p95 * 1e3:.0f} ms, max {max(first) * 1e3:.0f} ms",
        "p95 <= 1 s",
        _holds(p95 <= 1.0),
    )
    failed, sent = sum(c.failed for c in crashes), sum(c.sent for c in crashes)
    yield (f"failed writes at {outage.RATE:.0f}/s open loop, all repeats", f"{failed} of {sent}", "-", "")


def _lag(endpoints: dict[str, str]) -> Iterable[Row]:
    lags = lag.lags(endpoints["BALANCER_URL"], [endpoints["PRIMARY_URL"], endpoints["REPLICA_URL"]])
    p99 = _percentile(lags, 99)
    yield (
        f"sync lag, {len(lags)} single adds",
        f"p50 {statistics.median(lags) * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms",
        "p99 <= 1 s",
        _holds(p99 <= 1.0),
    )


def _memory(pid: int) -> Row:
    stack = psutil.Process(pid)
    # Shared pages are counted once: PostgreSQL's processes share most of theirs.
    total = sum(process.memory_full_info().pss for process in [stack, *stack.children(recursive=True)])
    megabytes = total / 1024 / 1024
    return ("memory of the whole stack, fresh", f"{megabytes:.0f} MB", "<= 600 MB", _holds(megabytes <= 600))


def _last_signoff() -> Iterable[Row]:
    file = RESULTS / "signoff.json"
    if not file.exists():
        return
    run = json.loads(file.read_text(encoding="utf-8"))
    yield (
        f"last sign-off ({run['environment']}, {run['processes']} processes)",
        f"{run['seconds']:.0f} s",
        "<= 240 s",
        _holds(run["seconds"] <= 240),
    )


def _workload(endpoints: dict[str, str]) -> Iterable[Row]:
    compared = [workload.throughput(endpoints["BALANCER_URL"]) for _ in range(3)]
    ratio = statistics.median(one.ratio for one in compared)
    last = compared[-1]
    yield (
        f"workload, {workload.CLIENTS} clients, median of 3 beside a bare aiohttp loop",
        f"{last.workload:.0f}/s of {last.bare:.0f}/s bare: {ratio:.2f}",
        ">= 0.9",
        _holds(ratio >= 0.9),
    )
    late = workload.lateness(endpoints["BALANCER_URL"])
    p99 = _percentile(late, 99)
    yield (
        f"workload, arrivals behind their schedule at {workload.RATE:.0f}/s",
        f"p50 {statistics.median(late) * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, max {max(late) * 1e3:.1f} ms",
        "p99 <= 10 ms",
        _holds(p99 <= 0.01),
    )


def _growth(endpoints: dict[str, str]) -> Iterable[Row]:
    urls = endpoints["PRIMARY_URL"], endpoints["BALANCER_URL"]
    for what, measured in (
        (f"{growth.SMALL:,} to {growth.LARGE:,} documents", growth.by_documents(*urls)),
        (f"{growth.FEW} to {growth.MANY} collections", growth.by_collections(*urls)),
    ):
        for kind, one in measured.items():
            direct, balanced = ([f"{seconds * 1e3:.1f}" for seconds in pair] for pair in (one.direct, one.balanced))
            yield (
                f"{kind}, from {what}",
                f"{' to '.join(balanced)} ms, direct {' to '.join(direct)} ms: {one.ratio:.2f}",
                "<= 1.1 of direct's own growth",
                _holds(one.ratio <= 1.1),
            )


def _refill(endpoints: dict[str, str]) -> Iterable[Row]:
    done = refill.fill(endpoints)
    yield (
        f"empty replica filled, {refill.DOCUMENTS:,} documents, 2 workers",
        f"{done.seconds:.1f} s; {done.written} writes meanwhile, slowest {done.slowest:.2f} s",
        "<= 30 s",
        _holds(done.seconds <= 30),
    )


def _comparing(endpoints: dict[str, str]) -> Iterable[Row]:
    done = comparing.measure(endpoints["PRIMARY_URL"], endpoints["REPLICA_URL"])
    yield (
        f"both instances compared, {comparing.DOCUMENTS:,} documents",
        f"{done.comparing:.1f} s, reading alone {done.reading:.1f} s: {done.ratio:.2f}, {done.memory / 1e6:.0f} MB",
        "<= 1.2",
        _holds(done.ratio <= 1.2),
    )


PARTS = {
    "throughput": _throughput,
    "outage": _outage,
    "lag": _lag,
    "workload": _workload,
    "growth": _growth,
    "refill": _refill,
    "comparing": _comparing,
}


def main() -> int:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(prog="bench", description="Speed and memory of the local stack.")
    parser.add_argument("--only", choices=PARTS, help="measure this part alone")
    only = parser.parse_args().only

    def show(row: Row) -> None:
        print(f"{row[0]:<66}  {row[1]:<52}  {row[2]:<28}  {row[3]}", flush=True)

    show(("what", "measured", "goal", "holds"))
    begin = time.monotonic()
    stack = LocalStack()
    try:
        stack.start()
        seconds = time.monotonic() - begin
        show(("stack up, from the command to ready", f"{seconds:.1f} s", "<= 5 s", _holds(seconds <= 5)))
        show(_memory(int(stack.endpoints["STACK_PID"])))
        for name, part in PARTS.items():
            if only in (None, name):
                for row in part(stack.endpoints):
                    show(row)
    finally:
        stack.stop()
    for row in (*(judging.measure() if only is None else ()), *_last_signoff()):
        show(row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
