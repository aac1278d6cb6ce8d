"""The clients against a real Chroma server: what they ask for, when, and that they record it truly."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count, pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "domain"))
from real_chroma import RealChroma

from signoff.documents import near
from signoff.history import Action, Operation, Result
from signoff.polling import poll
from signoff.ports import unused_port
from signoff.sandwiches import Phase
from signoff.verdict import CouldNotObserve
from signoff.workload.engine import Engine, Load

WITHIN = timedelta(seconds=30)


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealChroma]:
    server = RealChroma(tmp_path_factory.mktemp("chroma"), "primary").wait()
    yield server
    server.kill()


@pytest.fixture
def names(request: pytest.FixtureRequest) -> Callable[[str], str]:
    numbers = count(1)
    return lambda purpose: f"{purpose}-{abs(hash(request.node.name)) % 10**6}-{next(numbers)}"


def play(url: str, names: Callable[[str], str], *phases: Phase, faults: int = 1, rate: float = 100) -> list[Operation]:
    """Let the clients go through phases, each until they have done what is due in it."""
    done: list[Operation] = []
    load = Load(rate=rate, clients=16, seed=7, faults=faults, each=1, within=5.0)
    engine = Engine(url, f"session-{time.time_ns()}", load, names, done.append).start()
    try:
        for number, phase in enumerate((Phase.BEFORE, *phases)):
            if number:
                engine.enter(phase)
            size = len(done)
            poll(
                lambda size=size: engine.to_be_cut == 0 and len(done) >= size + 40,  # type: ignore[misc]
                bool,
                within=WITHIN,
                what="the phase is played",
            )
    finally:
        engine.stop()
    return done


def test_every_kind_of_operation_is_tried_and_succeeds(chroma: RealChroma, names: Callable[[str], str]) -> None:
    done = play(chroma.url, names, Phase.DURING, Phase.AFTER)
    kinds = Counter(operation.action for operation in done)
    assert set(kinds) == set(Action)
    assert [one for one in done if one.result is not Result.OK or one.wire.violation] == []


def test_each_client_has_one_request_under_way_and_each_write_a_token_of_its_own(
    chroma: RealChroma, names: Callable[[str], str]
) -> None:
    done = play(chroma.url, names, Phase.DURING)
    by_client: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in sorted(done, key=lambda one: one.invoked):
        by_client[operation.client].append(operation)
    assert all(one.returned <= other.invoked for own in by_client.values() for one, other in pairwise(own))
    tokens = [operation.token for operation in done if operation.action.mutates]
    assert len(set(tokens)) == len(tokens)


def test_what_a_read_found_is_what_was_written(chroma: RealChroma, names: Callable[[str], str]) -> None:
    done = play(chroma.url, names)
    written = {operation.token: operation for operation in done}
    found = [document for operation in done for document in operation.found]
    assert found
    for document in found:
        token = str((document.metadata or {})["token"])
        assert near(document.embedding, written[token].written(document.id).embedding)


def test_a_deployment_that_answers_nothing_gives_no_collections_to_work_on(names: Callable[[str], str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done: list[Operation] = []
        load = Load(rate=200, clients=400, seed=1, faults=0, each=0, within=1.0)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        engine = Engine(url, "silent", load, names, done.append)
        with pytest.raises(CouldNotObserve, match="could not be created"):
            engine.start()
    assert [operation.result for operation in done] == [Result.INDETERMINATE]


def test_arrivals_keep_their_schedule_while_the_server_is_frozen(tmp_path: Path, names: Callable[[str], str]) -> None:
    server = RealChroma(tmp_path, "primary").wait()
    done: list[Operation] = []
    load = Load(rate=100, clients=300, seed=1, faults=0, each=0, within=3.0)
    try:
        engine = Engine(server.url, "frozen", load, names, done.append).start()
        os.kill(server._process.pid, signal.SIGSTOP)
        frozen_at = time.monotonic()
        threading.Event().wait(1.0)  # not a wait for anything: so long nobody answers
        os.kill(server._process.pid, signal.SIGCONT)
        thawed_at = time.monotonic()
        engine.stop()
    finally:
        server.kill()
    meanwhile = [one for one in done if one.due is not None and frozen_at <= one.due < thawed_at]
    assert len(meanwhile) >= 80
    lateness = sorted(one.invoked - (one.due or 0.0) for one in meanwhile)
    assert lateness[len(lateness) // 2] < 0.05


def test_a_connection_that_is_refused_is_a_request_that_was_never_sent(names: Callable[[str], str]) -> None:
    done: list[Operation] = []
    load = Load(rate=10, clients=2, seed=1, faults=0, each=0, within=2.0)
    engine = Engine(f"http://127.0.0.1:{unused_port()}", "nobody", load, names, done.append)
    with pytest.raises(CouldNotObserve):
        engine.start()
    assert [(one.result, one.wire.sent) for one in done] == [(Result.FAIL, False)]


def test_a_client_goes_on_under_a_new_identity_after_an_unknown_outcome(
    tmp_path: Path, names: Callable[[str], str]
) -> None:
    server = RealChroma(tmp_path, "primary").wait()
    done: list[Operation] = []
    load = Load(rate=200, clients=16, seed=3, faults=0, each=0, within=2.0)
    engine = Engine(server.url, "killed", load, names, done.append).start()
    poll(lambda: len(done) > 60, bool, within=WITHIN, what="some operations")
    server.kill()
    poll(lambda: done[-1].wire.sent, lambda sent: not sent, within=WITHIN, what="a connection is refused")
    engine.stop()
    unknown = [one for one in done if one.result is Result.INDETERMINATE]
    later = {(one.client, one.identity) for one in done}
    assert unknown
    for one in unknown:
        following = [other for other in done if other.client == one.client and other.invoked > one.returned]
        assert all(other.identity > one.identity for other in following)
        assert (one.client, one.identity) in later


def test_the_clients_stop_when_they_owe_no_deletes(tmp_path: Path, names: Callable[[str], str]) -> None:
    """Stories begin with what is added: on a server that answers nothing for a while, nobody gets further than that."""
    server = RealChroma(tmp_path, "primary").wait()
    done: list[Operation] = []
    load = Load(rate=100, clients=200, seed=5, faults=0, each=0, within=10.0)
    try:
        engine = Engine(server.url, "owing", load, names, done.append).start()
        os.kill(server._process.pid, signal.SIGSTOP)
        threading.Event().wait(0.8)  # not a wait for anything: so long nobody answers
        thaw = threading.Timer(0.4, os.kill, (server._process.pid, signal.SIGCONT))
        thaw.start()
        engine.stop(deletes=0.3)
        thaw.join()
    finally:
        server.kill()
    mutations = [one for one in done if one.action.mutates]
    assert len(mutations) > 40
    assert sum(one.action in (Action.DELETE, Action.DROP) for one in mutations) >= 0.3 * len(mutations)
