"""How long an empty replica takes to have everything again, while clients go on writing."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from .growth import Place

DOCUMENTS, COLLECTIONS = 10_000, 4
WRITES_PER_SECOND = 20.0
_PATIENCE = 300.0


@dataclass(frozen=True)
class Refilled:
    """One fill.

    Attributes:
        seconds: from the moment the empty replica answers until nothing is owed to it.
        written: writes that were acknowledged meanwhile.
        slowest: the slowest of them, in seconds.
    """

    seconds: float
    written: int
    slowest: float


def fill(endpoints: Mapping[str, str]) -> Refilled:
    """Empty the replica's disk and measure how long it takes to be whole again.

    Args:
        endpoints: what the stack says of itself.
    """
    place = Place(endpoints["BALANCER_URL"])
    collections = [place.create(DOCUMENTS // COLLECTIONS) for _ in range(COLLECTIONS)]
    _until_whole(endpoints)
    _control(endpoints, "suspend")
    _until(lambda: _status(endpoints)["summary"]["healthy_instances"] == 1, "the replica is away")
    times: list[float] = []
    stop = threading.Event()
    writer = threading.Thread(target=_write, args=(endpoints["BALANCER_URL"], collections, times, stop))
    writer.start()
    try:
        shutil.rmtree(Path(endpoints["STACK_STATE"]).parent / "chroma-replica")
        _control(endpoints, "resume")
        _until(lambda: _answers(endpoints["REPLICA_URL"]), "the replica answers")
        begin, before = time.monotonic(), len(times)
        _until_whole(endpoints)
        seconds = time.monotonic() - begin
        during = times[before:]
    finally:
        stop.set()
        writer.join()
    return Refilled(seconds, len(during), max(during, default=0.0))


def _write(url: str, collections: list[str], times: list[float], stop: threading.Event) -> None:
    place = Place(url)
    while not stop.wait(1 / WRITES_PER_SECOND):
        begin = time.monotonic()
        place.write(collections[len(times) % len(collections)])
        times.append(time.monotonic() - begin)


def _control(endpoints: Mapping[str, str], verb: str) -> None:
    url = f"{endpoints['RENDER_API_URL']}/services/{endpoints['REPLICA_SERVICE_ID']}/{verb}"
    headers = {"Authorization": f"Bearer {endpoints['RENDER_API_KEY']}"}
    requests.post(url, headers=headers, timeout=30).raise_for_status()


def _status(endpoints: Mapping[str, str]) -> dict[str, dict[str, float]]:
    answer = requests.get(f"{endpoints['BALANCER_URL']}/status", timeout=10)
    answer.raise_for_status()
    return dict(answer.json())


def _until_whole(endpoints: Mapping[str, str]) -> None:
    def whole() -> bool:
        status = _status(endpoints)
        # A write that is on its way this very moment is no backlog.
        owed = status["write_ahead_log"]["oldest_pending_seconds"] > 1
        return status["summary"]["healthy_instances"] == 2 and not owed

    _until(whole, "the replica is in line")


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/v2/heartbeat", timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {_PATIENCE:.0f} s: {what}")
        time.sleep(0.02)
