"""An instance that comes back without what it had, an empty disk at worst, has it all again before it serves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.balancer.balanced_deployment import BASE, PRIMARY, REPLICA, BalancedDeployment, documents, record
from tests.balancer.sandwich_load import Load, check
from tests.stack.running_stack import until


def _empty(deployment: BalancedDeployment, service: str) -> None:
    """Take an instance's disk away while it is stopped."""
    shutil.rmtree(Path(deployment.stack.folder) / service)


def _description(deployment: BalancedDeployment, service: str, name: str) -> dict[str, object]:
    described = dict(requests.get(f"{deployment.urls[service]}{BASE}/{name}", timeout=15).json())
    return {key: described[key] for key in ("name", "metadata", "configuration_json", "schema", "dimension")}


@pytest.mark.parametrize("service", [REPLICA, PRIMARY])
def test_an_empty_instance_is_filled_while_clients_go_on_writing(
    deployment: BalancedDeployment, names: Callable[[], str], service: str
) -> None:
    busy, large, plain = names(), names(), names()
    collections = {name: deployment.create(name) for name in (busy, plain)}
    configuration = {"hnsw": {"ef_search": 77}}
    collections[large] = deployment.create(large, metadata={"purpose": "test"}, configuration=configuration)
    expected = {}
    for first in range(0, 3000, 300):
        ids = [f"d{i}" for i in range(first, first + 300)]
        deployment.change("add", collections[large], record(first + 1, *ids))
        expected |= documents(first + 1, *ids)
    bare = {"ids": ["bare"], "embeddings": [[0.1, -2.5e-7, 3.0]]}
    deployment.change("add", collections[plain], bare)
    before = _description(deployment, service, large)
    load = Load(deployment, {busy: collections[busy]}, seed=31_000 + (service == PRIMARY)).start()
    try:
        until("20 acknowledged writes", lambda: load.acknowledged() >= 20)
        deployment.suspend(service)
        deployment.change("delete", collections[large], {"ids": ["d0", "d2999"]})
        _empty(deployment, service)
        deployment.resume(service)
        deployment.until_healthy_instances(2)
        during = load.acknowledged()
        until("20 more while it is filled", lambda: load.acknowledged() >= during + 20)
    finally:
        load.stop()
    assert set(load.statuses()) <= {200, 201}, load.statuses()
    check(load, [busy])
    del expected["d0"], expected["d2999"]
    deployment.expect(large, expected)
    held = deployment.held_by(service, plain)
    assert held is not None
    assert held["bare"][:2] == (None, None)
    assert held["bare"][2] == pytest.approx((0.1, -2.5e-7, 3.0), abs=1e-6)
    assert _description(deployment, service, large) == before
    mapped = deployment.sql(
        "SELECT primary_collection_id::text, replica_collection_id::text FROM collection_id_mapping "
        "WHERE collection_name = %s",
        large,
    )
    assert mapped == [(deployment.own_id(PRIMARY, large), deployment.own_id(REPLICA, large))]


def test_one_lost_collection_comes_back_and_the_others_are_left_alone(
    deployment: BalancedDeployment, names: Callable[[], str]
) -> None:
    lost, kept = names(), names()
    for token, name in enumerate((lost, kept)):
        deployment.change("add", deployment.create(name), record(token, "a", "b"))
    deployment.until_settled()
    kept_as = deployment.own_id(REPLICA, kept)
    assert requests.delete(f"{deployment.urls[REPLICA]}{BASE}/{lost}", timeout=15).status_code == 200
    deployment.suspend(REPLICA)
    deployment.resume(REPLICA)
    deployment.expect(lost, documents(0, "a", "b"))
    deployment.expect(kept, documents(1, "a", "b"))
    assert deployment.own_id(REPLICA, kept) == kept_as


def test_filling_that_is_interrupted_is_begun_again(deployment: BalancedDeployment, names: Callable[[], str]) -> None:
    name = names()
    collection = deployment.create(name)
    expected = {}
    for first in range(0, 6000, 500):
        ids = [f"d{i}" for i in range(first, first + 500)]
        deployment.change("add", collection, record(first + 1, *ids))
        expected |= documents(first + 1, *ids)
    deployment.until_settled()
    deployment.suspend(REPLICA)
    _empty(deployment, REPLICA)
    deployment.resume(REPLICA)
    query = "SELECT count(*) > 2 FROM unified_wal_writes WHERE target_instance = 'replica' AND collection_name = %s"
    until("some pages are in the log", lambda: deployment.sql(query, name) == [(True,)])
    deployment.restart_balancer()
    deployment.expect(name, expected)
    rows = deployment.sql(
        "SELECT DISTINCT status FROM unified_wal_writes WHERE target_instance = 'replica' AND collection_name = %s",
        name,
    )
    assert {row[0] for row in rows} <= {"synced", "rejected"}


def test_what_was_deleted_while_it_was_filled_does_not_come_back_with_another_balancer(
    deployment: BalancedDeployment, names: Callable[[], str]
) -> None:
    name = names()
    collection = deployment.create(name)
    for first in range(0, 12_000, 500):
        deployment.change("add", collection, record(first // 6000, *(f"d{i}" for i in range(first, first + 500))))
    deployment.until_settled()
    deployment.suspend(REPLICA)
    _empty(deployment, REPLICA)
    deployment.resume(REPLICA)
    query = "SELECT count(*) > 0 FROM sync_tasks WHERE task_status = 'processing' AND collection_name = %s"
    until("a worker is at its pages", lambda: deployment.sql(query, name) == [(True,)])
    deployment.change("delete", collection, {"where": {"token": 1}})
    deployment.restart_balancer()
    deployment.expect(name, documents(0, *(f"d{i}" for i in range(6000))))
    query = "SELECT count(*) FROM unified_wal_writes WHERE handed_to IS NOT NULL"
    assert deployment.sql(query) == [(0,)]


def test_nothing_is_served_from_an_instance_that_is_still_being_filled(
    deployment: BalancedDeployment, names: Callable[[], str]
) -> None:
    name = names()
    collection = deployment.create(name)
    for first in range(0, 2000, 500):
        deployment.change("add", collection, record(first + 1, *(f"d{i}" for i in range(first, first + 500))))
    deployment.until_settled()
    deployment.suspend(REPLICA)
    _empty(deployment, REPLICA)
    deployment.resume(REPLICA)
    seen: set[int] = set()
    until("it is in line again", lambda: _count(deployment, collection, seen) and _in_line(deployment), 20)
    assert seen == {2000}


def _count(deployment: BalancedDeployment, collection: str, seen: set[int]) -> bool:
    answer = deployment.call("GET", f"/{collection}/count")
    assert answer.status_code == 200, answer.text
    seen.add(int(answer.text))
    return True


def _in_line(deployment: BalancedDeployment) -> bool:
    status = deployment.status()
    return bool(status["summary"]["healthy_instances"] == 2 and not status["write_ahead_log"]["pending_writes"])
