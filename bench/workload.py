"""Whether the workload is a bottleneck: its throughput beside a bare aiohttp loop, and how late its arrivals are."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import aiohttp
import uvloop

from signoff.clients.instances import COLLECTIONS
from signoff.documents import embed, make_documents, payload
from signoff.history import Action, Operation
from signoff.workload.engine import Engine, Load

CLIENTS = 8
SECONDS = 8.0
RATE = 100.0
_AS_FAST_AS_POSSIBLE = 1_000_000.0
Sent = tuple[str, str, object]


@dataclass(frozen=True)
class Compared:
    """Operations per second: the workload's, and a bare loop's with the same kinds in the same numbers."""

    workload: float
    bare: float

    @property
    def ratio(self) -> float:
        return self.workload / self.bare


def throughput(url: str) -> Compared:
    """Let the workload's clients go as fast as they can, and then a bare loop with as many.

    Args:
        url: the balancer's.
    """
    done = _play(url, _AS_FAST_AS_POSSIBLE, CLIENTS)
    begin, end = min(one.invoked for one in done), max(one.returned for one in done)
    kinds = Counter(one.action for one in done)
    bare = uvloop.run(_bare(url, kinds))
    return Compared(len(done) / (end - begin), sum(kinds.values()) / bare)


def lateness(url: str) -> list[float]:
    """Return how late each of the workload's arrivals was at 100 a second, in seconds."""
    return [max(0.0, one.invoked - one.due) for one in _play(url, RATE, 64) if one.due is not None]


def _play(url: str, rate: float, clients: int) -> list[Operation]:
    done: list[Operation] = []
    numbers = count(1)
    run = uuid.uuid4().hex[:8]
    load = Load(rate=rate, clients=clients, seed=1, faults=0, each=0, within=15.0)
    names: Callable[[str], str] = lambda purpose: f"{purpose}-{run}-{next(numbers)}"  # noqa: E731
    engine = Engine(url, f"bench-{run}", load, names, done.append).start()
    begin = len(done)
    time.sleep(SECONDS)
    engine.stop()
    return done[begin:]


async def _bare(url: str, kinds: Counter[Action]) -> float:
    """Send as many requests of each kind as fast as the clients can, and return the seconds that took."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        name = f"bare-{uuid.uuid4().hex[:8]}"
        async with http.post(url + COLLECTIONS, json={"name": name}) as answer:
            reference = (await answer.json())["id"]
        requests = _requests(f"{COLLECTIONS}/{reference}", kinds)

        async def client() -> None:
            while requests:
                method, path, body = requests.pop()
                async with http.request(method, url + path, json=body) as answer:
                    await answer.read()

        begin = time.monotonic()
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return time.monotonic() - begin


def _requests(inside: str, kinds: Counter[Action]) -> list[Sent]:
    chance = random.Random(1)
    found: list[Sent] = []
    everything = ["documents", "metadatas", "embeddings"]
    for action, number in kinds.items():
        for index in range(number):
            id = f"doc-{chance.randrange(1, 200):04}"
            document = make_documents("doc", 1, start=int(id[4:]), token=f"{action.value}-{index}")
            match action:
                case Action.GET:
                    sent: Sent = ("POST", f"{inside}/get", {"ids": [id], "include": everything})
                case Action.QUERY:
                    vector = list(embed(f"question {index}"))
                    body = {"query_embeddings": [vector], "n_results": 5, "include": everything}
                    sent = ("POST", f"{inside}/query", body)
                case Action.DELETE:
                    sent = ("POST", f"{inside}/delete", {"ids": [id]})
                case Action.CREATE:
                    sent = ("POST", COLLECTIONS, {"name": f"bare-{uuid.uuid4().hex}"})
                case Action.DROP:
                    sent = ("DELETE", f"{COLLECTIONS}/bare-{index}", None)
                case _:
                    sent = ("POST", f"{inside}/{action.value}", payload(document))
            found.append(sent)
    chance.shuffle(found)
    return found
