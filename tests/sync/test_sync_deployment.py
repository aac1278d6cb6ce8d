"""Distributed sync on real processes: what is owed arrives once and in order, whoever dies on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.balancer.balanced_deployment import (
    BALANCER,
    COORDINATOR,
    PRIMARY,
    REPLICA,
    WORKERS,
    BalancedDeployment,
    Documents,
    documents,
    record,
)
from tests.stack.running_stack import until

TASK = (
    "SELECT chunk_start_offset, chunk_end_offset, documents_done, task_status, worker_id, retry_count FROM sync_tasks"
)


def _tasks(deployment: BalancedDeployment, name: str) -> list[tuple[Any, ...]]:
    return deployment.sql(f"{TASK} WHERE collection_name = %s ORDER BY id", name)


def _owe(deployment: BalancedDeployment, collection: str, number: int, per_request: int = 50) -> Documents:
    """Add documents while an instance is away, and change some of them; return what is there at the end."""
    there: Documents = {}
    for first in range(0, number, per_request):
        ids = [f"d{i}" for i in range(first, min(first + per_request, number))]
        deployment.change("add", collection, record(first + 1, *ids))
        there |= documents(first + 1, *ids)
    return there


def _until_processing(deployment: BalancedDeployment, name: str) -> str:
    """Wait until a worker is at a task of a collection, and return which one."""
    found: list[str] = []

    def processing() -> bool:
        found[:] = [row[4] for row in _tasks(deployment, name) if row[3] == "processing"]
        return bool(found)

    until("a task is being worked on", processing)
    return found[0]


def _assert_whole(tasks: list[tuple[Any, ...]], number: int) -> None:
    """Assert that completed tasks cover so many documents, without a gap and without an overlap."""
    ends = [0, *(end for _, end, *_ in tasks)]
    assert [start for start, *_ in tasks] == ends[:-1], tasks
    assert ends[-1] == number, tasks
    assert all(done == end - start and status == "completed" for start, end, done, status, *_ in tasks), tasks


@contextmanager
def _owing(deployment: BalancedDeployment, collection: str, number: int, **more: int) -> Iterator[Documents]:
    """Have the replica owe documents; it is back, and may be catching up, when the block is entered."""
    deployment.suspend(REPLICA)
    try:
        there = _owe(deployment, collection, number, **more)
    finally:
        deployment.resume(REPLICA)
    yield there
    deployment.until_settled()


def test_a_backlog_is_cut_into_chunks_that_known_workers_carry_out(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    with _owing(deployment, collection, 2500, per_request=300) as there:
        pass
    deployment.expect(name, there)
    tasks = _tasks(deployment, name)
    _assert_whole(tasks, 2500)
    assert [end - start for start, end, *_ in tasks] == [1000, 1000, 500]
    known = {row[0] for row in deployment.sql("SELECT worker_id FROM sync_workers")}
    assert {row[4] for row in tasks} <= known
    assert deployment.sql("SELECT count(*) FROM unified_wal_writes WHERE handed_to IS NOT NULL") == [(0,)]


def test_every_kind_of_change_arrives_in_the_order_of_the_log(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    deployment.change("add", collection, record(1, "kept", "gone", "changed", "matched"))
    deployment.suspend(REPLICA)
    there = _owe(deployment, collection, 120, per_request=7)
    deployment.change("delete", collection, {"ids": ["gone", "d3"]})
    deployment.change("upsert", collection, record(9001, "gone", "d4"))
    deployment.change("delete", collection, {"where": {"of": "matched"}})
    deployment.change("update", collection, record(9002, "changed", "not there"))
    deployment.change("add", collection, record(9003, "not there", "kept"))
    deployment.change("delete", collection, {"ids": ["gone"]})
    # So much that it is worth handing over.
    large = record(9004, "large") | {"documents": ["x" * 200_000]}
    deployment.change("upsert", collection, large)
    deployment.resume(REPLICA)
    there |= documents(1, "kept") | documents(9002, "changed")
    there["large"] = ("x" * 200_000, *documents(9004, "large")["large"][1:])
    there |= documents(9001, "d4") | documents(9003, "not there")
    del there["d3"]
    deployment.expect(name, there)
    tasks = _tasks(deployment, name)
    assert tasks
    assert {row[3] for row in tasks} == {"completed"}


def test_a_killed_worker_is_replaced_and_its_task_finished_once(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    with _owing(deployment, collection, 6000) as there:
        worker = _until_processing(deployment, name)
        deployment.kill(worker)
    deployment.expect(name, there)
    _assert_whole(_tasks(deployment, name), 6000)


def test_a_frozen_worker_loses_its_task_and_spoils_nothing_when_it_goes_on(
    deployment: BalancedDeployment, name: str
) -> None:
    collection = deployment.create(name)
    with _owing(deployment, collection, 6000) as there:
        worker = _until_processing(deployment, name)
        with deployment.frozen(worker):
            until("another worker has its task", lambda: any(row[5] for row in _tasks(deployment, name)), 15)
            deployment.until_settled()
            assert deployment.sql("SELECT worker_status FROM sync_workers WHERE worker_id = %s", worker) == [
                ("inactive",)
            ]
            for first in range(0, 6000, 500):
                deployment.change("delete", collection, {"ids": [f"d{i}" for i in range(first, first + 500)]})
            deployment.change("upsert", collection, record(7777, "d1", "d5999"))
    assert len(there) == 6000
    query = "SELECT worker_status FROM sync_workers WHERE worker_id = %s"
    until("it is active again", lambda: deployment.sql(query, worker) == [("active",)])
    deployment.expect(name, documents(7777, "d1", "d5999"))
    tasks = [row for row in _tasks(deployment, name) if row[0] < 6000]
    _assert_whole(tasks, 6000)


def test_without_anybody_at_work_the_balancer_does_it_itself(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    with _owing(deployment, collection, 4000) as there:
        _until_processing(deployment, name)
        for service in WORKERS:
            deployment._render(service, "suspend")
    deployment.expect(name, there)
    for service in WORKERS:
        deployment.resume(service)
    assert {row[3] for row in _tasks(deployment, name)} <= {"completed", "failed"}


def test_a_killed_coordinator_delays_and_loses_nothing(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    deployment.suspend(REPLICA)
    there = _owe(deployment, collection, 2000)
    deployment.kill(COORDINATOR)
    deployment.resume(REPLICA)
    deployment.expect(name, there)
    assert {row[3] for row in _tasks(deployment, name)} <= {"completed", "failed"}


@pytest.mark.parametrize("service", [BALANCER, REPLICA, PRIMARY])
def test_a_part_is_killed_while_workers_are_at_work(deployment: BalancedDeployment, name: str, service: str) -> None:
    collection = deployment.create(name)
    with _owing(deployment, collection, 6000) as there:
        _until_processing(deployment, name)
        deployment.kill(service)
        deployment.stack.until_live(service)
    deployment.expect(name, there)
    _assert_whole(_tasks(deployment, name), 6000)


def test_a_balancer_that_is_started_anew_leaves_the_workers_what_they_have_not_begun(
    deployment: BalancedDeployment, name: str
) -> None:
    collection = deployment.create(name)
    with deployment.frozen(WORKERS[0]), deployment.frozen(WORKERS[1]):
        # However long the balancer takes to start: nobody calls them dead meanwhile.
        deployment.sql("UPDATE sync_workers SET lease = '10 minutes' RETURNING worker_id")
        deployment.suspend(REPLICA)
        there = _owe(deployment, collection, 2000)
        deployment.resume(REPLICA)
        until("the backlog is handed over", lambda: len(_tasks(deployment, name)) == 2)
        deployment.restart_balancer()
        deployment.until_healthy_instances(2)
    deployment.expect(name, there)
    _assert_whole(_tasks(deployment, name), 2000)


def test_a_collection_is_deleted_while_workers_are_at_work(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    with _owing(deployment, collection, 6000):
        _until_processing(deployment, name)
        assert deployment.call("DELETE", f"/{name}").status_code == 200
        again = deployment.create(name)
        deployment.change("add", again, record(5, "only"))
    deployment.expect(name, documents(5, "only"))
    query = "SELECT count(*) FROM sync_tasks WHERE task_status IN ('pending', 'processing')"
    until("no task is left", lambda: deployment.sql(query) == [(0,)])
