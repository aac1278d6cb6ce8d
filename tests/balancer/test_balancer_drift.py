"""An instance that holds something else than the log says is brought in line, and what the log doesn't tell is left."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests
from orjson import dumps

from stack.balancer import drift
from stack.balancer.catalog import Collection
from stack.balancer.expected import Expected, documents_of
from stack.balancer.operations import Action, read_operation
from tests.balancer.balanced_deployment import (
    BASE,
    PRIMARY,
    REPLICA,
    BalancedDeployment,
    documents,
    record,
    vector,
)
from tests.stack.running_stack import until


@pytest.fixture(scope="module")
def comparing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BalancedDeployment]:
    """A deployment that compares all the time."""
    deployment = BalancedDeployment(tmp_path_factory.mktemp("drift-logs"), DRIFT_CHECK_INTERVAL="0.1")
    yield deployment
    deployment.end()


def _tamper(deployment: BalancedDeployment, service: str, name: str, verb: str, body: Mapping[str, Any]) -> None:
    path = f"{deployment.urls[service]}{BASE}/{deployment.own_id(service, name)}/{verb}"
    answer = requests.post(path, json=body, timeout=15)
    assert answer.status_code in (200, 201), answer.text


def _mended(deployment: BalancedDeployment) -> int:
    return int(deployment.status()["drift"]["mended_documents"])


@pytest.mark.parametrize("service", [PRIMARY, REPLICA])
@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("delete", {"ids": ["b"]}),
        ("add", record(7, "stranger")),
        ("add", record(1, "deleted")),
        ("update", {"ids": ["b"], "metadatas": [{"token": 1.0}]}),
        ("update", {"ids": ["a"], "documents": ["another text"]}),
        ("update", {"ids": ["a"], "embeddings": [[0.0, 0.0, 0.0]]}),
    ],
    ids=["lost", "strange", "resurrected", "another metadata type", "another text", "another embedding"],
)
def test_what_has_changed_behind_the_log_is_changed_back(
    comparing: BalancedDeployment, name: str, service: str, verb: str, body: dict[str, Any]
) -> None:
    deployment = comparing
    collection = deployment.create(name)
    deployment.change("add", collection, record(1, "a", "b", "deleted"))
    deployment.change("upsert", collection, record(2, "b"))
    deployment.change("delete", collection, {"ids": ["deleted"]})
    deployment.until_settled()
    before = _mended(deployment)
    _tamper(deployment, service, name, verb, body)
    until("it is mended", lambda: _mended(deployment) == before + 1)
    deployment.expect(name, documents(1, "a") | documents(2, "b"))
    logged = deployment.sql(
        "SELECT DISTINCT target_instance, status FROM unified_wal_writes "
        "WHERE collection_name = %s AND target_instance <> 'both'",
        name,
    )
    assert logged == [(service.removeprefix("chroma-"), "synced")], "it went through the log, to this instance alone"
    deployment.change("upsert", collection, record(3, "a"))
    deployment.expect(name, documents(3, "a") | documents(2, "b"))


def test_where_the_log_does_not_tell_nothing_is_touched(comparing: BalancedDeployment, name: str) -> None:
    deployment = comparing
    collection = deployment.create(name)
    deployment.change("add", collection, record(1, "a", "b"))
    deployment.change("delete", collection, {"where": {"token": 99}})
    deployment.until_settled()
    before = _mended(deployment)
    _tamper(deployment, REPLICA, name, "delete", {"ids": ["b"]})
    until("it is told", lambda: deployment.status()["drift"]["undecided_documents"] == 1)
    assert deployment.held_by(PRIMARY, name) == documents(1, "a", "b")
    assert deployment.held_by(REPLICA, name) == documents(1, "a")
    assert _mended(deployment) == before
    assert f"the instances differ in {name}, and the log does not tell: 'b'" in deployment.balancer_log()
    # Whoever knows what is right says so by a write.
    deployment.change("upsert", collection, record(2, "b"))
    until("it is in line again", lambda: not deployment.status()["drift"]["undecided_documents"])
    deployment.expect(name, documents(1, "a") | documents(2, "b"))


def test_a_client_that_writes_all_the_time_is_neither_disturbed_nor_overwritten(
    comparing: BalancedDeployment, name: str
) -> None:
    deployment = comparing
    collection = deployment.create(name)
    expected = documents(1, "damaged")
    deployment.change("add", collection, record(1, "damaged"))
    deployment.until_settled()
    before = _mended(deployment)
    _tamper(deployment, REPLICA, name, "delete", {"ids": ["damaged"]})
    token = 1
    while _mended(deployment) == before:
        token += 1
        assert token < 2000, "not mended while 2,000 writes were done"
        deployment.change("upsert", collection, record(token, f"d{token % 7}"))
        expected |= documents(token, f"d{token % 7}")
    deployment.expect(name, expected)
    assert _mended(deployment) == before + 1, "what was merely on its way is no drift"


_VALUES: tuple[Any, ...] = (1, 1.0, 2.5, "word", True)


def _random_body(rng: random.Random, verb: str) -> dict[str, Any]:
    ids = rng.sample("abcde", rng.randint(1, 3))
    if verb == "delete":
        return {"ids": ids}
    optional = verb == "update"

    def maybe(make: Callable[[], Any]) -> list[Any]:
        return [None if rng.random() < 0.4 else make() for _ in ids]

    embeddings: list[Any] = [vector(rng.randrange(9000)) for _ in ids]
    if optional and rng.random() < 0.4:
        embeddings = maybe(lambda: vector(rng.randrange(9000)))
    body: dict[str, Any] = {"ids": ids, "embeddings": embeddings}
    # Only an update may take a value away.
    values = (*_VALUES, None) if verb == "update" else _VALUES
    metadata = maybe(lambda: {rng.choice("xyz"): rng.choice(values), "always": rng.choice(_VALUES)})
    for column, cells in {
        "documents": maybe(lambda: f"text {rng.randrange(1000)}"),
        "metadatas": metadata,
        "uris": maybe(lambda: f"file:///{rng.randrange(1000)}"),
    }.items():
        if rng.random() < 0.7:
            body[column] = cells
    return body


@pytest.mark.parametrize("seed", range(4))
def test_the_log_tells_what_chroma_holds(deployment: BalancedDeployment, name: str, seed: int) -> None:
    """The rules by which the rows are followed are Chroma's own."""
    rng = random.Random(seed)
    collection = deployment.create(name)
    for _ in range(80):
        verb = rng.choice(["add", "upsert", "update", "delete"])
        deployment.change(verb, collection, _random_body(rng, verb))
    deployment.until_settled()
    expected = Expected("abcde")
    for seq, method, path, data in deployment.sql(
        "SELECT seq, method, path, data FROM unified_wal_writes WHERE collection_id = %s ORDER BY seq", collection
    ):
        operation = read_operation(method, path)
        assert operation is not None
        expected.follow(seq, operation.action, data.encode())
    for service in (PRIMARY, REPLICA):
        answer = requests.post(
            f"{deployment.urls[service]}{BASE}/{deployment.own_id(service, name)}/get",
            json={"include": ["documents", "metadatas", "embeddings", "uris"]},
            timeout=15,
        )
        held = documents_of(answer.json())
        assert {id: expected.document(id) for id in "abcde" if expected.document(id)} == held


def test_a_row_that_makes_the_same_collection_again_is_no_new_beginning() -> None:
    expected = Expected(["a"])
    assert not expected.tells("a"), "nothing is known before the collection was created"
    expected.follow(1, Action.CREATE_COLLECTION, dumps({"name": "c", "get_or_create": True}))
    expected.follow(2, Action.ADD, dumps({"ids": ["a"], "embeddings": [[1.0]]}))
    expected.follow(3, Action.CREATE_COLLECTION, dumps({"name": "c", "get_or_create": True}))
    assert expected.tells("a")
    assert expected.document("a") is not None
    expected.follow(4, Action.DELETE_DOCUMENTS, dumps({"where": {"x": 1}}))
    assert not expected.tells("a")
    expected.follow(5, Action.CREATE_COLLECTION, dumps({"name": "c", "get_or_create": True}))
    assert not expected.tells("a"), "whatever was deleted by a condition is not known again by that"
    expected.follow(5, Action.DELETE_DOCUMENTS, dumps({"ids": ["a"]}))
    assert expected.tells("a")
    assert expected.document("a") is None


def test_clients_are_left_the_time_that_reading_took_and_a_mend_waits_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    now, rests = [0.0], list[float]()

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    class Clocked(drift.Drift):
        async def _equal(self, collection: Collection, ids: Sequence[str]) -> bool:
            now[0] += 0.5
            return False

        async def _settle(self, collection: Collection, ids: Sequence[str]) -> int:
            now[0] += 4.0
            return 1

    async def ids(*_: object) -> list[str]:
        return [f"d{number}" for number in range(drift.PAGE + 1)]

    loop = SimpleNamespace(time=lambda: now[0])
    monkeypatch.setattr(drift, "asyncio", SimpleNamespace(get_running_loop=lambda: loop, sleep=rest))
    instances = [SimpleNamespace(name=name, healthy=True) for name in (PRIMARY, REPLICA)]
    nobody = cast(Any, None)
    comparing = Clocked(cast(Any, instances), nobody, nobody, nobody, cast(Any, SimpleNamespace(ids=ids)), interval=1.0)
    collection = Collection("id", "tenant", "database", "name", "lane", {PRIMARY: "one", REPLICA: "other"})
    assert asyncio.run(comparing._compare(collection)) == 2
    assert rests == [drift.REST * 0.5] * 2
