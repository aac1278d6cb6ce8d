"""Instances, PostgreSQL and the balancer itself fail: nothing acknowledged is lost, nothing comes back, all is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from stack.balancer.probing import LOOK_TIMEOUT
from tests.balancer.balanced_deployment import (
    POSTGRES,
    PRIMARY,
    REPLICA,
    BalancedDeployment,
    Documents,
    documents,
    record,
)
from tests.balancer.sandwich_load import Load, check
from tests.stack.running_stack import until

ACKNOWLEDGED = (200, 201)


@contextmanager
def _watched(deployment: BalancedDeployment, collection: str, document: str) -> Iterator[list[int | None]]:
    """Read one document's token through the balancer again and again; None where it is absent."""
    seen: list[int | None] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            answer = deployment.call("POST", f"/{collection}/get", {"ids": [document]})
            assert answer.status_code == 200, answer.text
            seen.append(next((int(m["token"]) for m in answer.json()["metadatas"]), None))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(20)
    assert seen, "no read was tried"


@pytest.mark.parametrize("already", [False, True])
def test_a_write_waits_for_instances_that_are_merely_slow(
    deployment: BalancedDeployment, name: str, already: bool
) -> None:
    """Both hang until health checks have been given up: a write is answered, and not refused, whenever it came."""
    collection = deployment.create(name)
    deployment.until_settled()
    answers: list[int] = []
    write = threading.Thread(
        target=lambda: answers.append(deployment.call("POST", f"/{collection}/add", record(1, "slow")).status_code)
    )
    with deployment.frozen(PRIMARY), deployment.frozen(REPLICA):
        if not already:
            write.start()
        until("both are called unhealthy", lambda: deployment.health()["healthy_instances"] == 0)
        if already:
            write.start()
        # A look under way is given up by then.
        time.sleep(1.25 * LOOK_TIMEOUT)
    write.join(20)
    assert answers == [201]
    deployment.until_settled()
    assert deployment.seen(collection) == documents(1, "slow")


def test_an_id_stays_through_outage_and_failback(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    deployment.change("add", collection, record(1, "before"))
    deployment.until_settled()
    with deployment.without(PRIMARY):
        deployment.change("add", collection, record(2, "during"))
        assert deployment.seen(collection) == documents(1, "before") | documents(2, "during")
        assert deployment.call("GET", f"/{name}").json()["id"] == collection
        assert deployment.health() == {"status": "degraded", "healthy_instances": 1, "total_instances": 2}
        assert deployment.status()["write_ahead_log"]["pending_writes"] == 1
    deployment.change("add", collection, record(3, "after"))
    assert deployment.call("GET", f"/{name}").json()["id"] == collection
    deployment.expect(name, documents(1, "before") | documents(2, "during") | documents(3, "after"))


@pytest.mark.parametrize("service", [PRIMARY, REPLICA])
def test_an_instance_is_killed_under_load(deployment: BalancedDeployment, name: str, service: str) -> None:
    load = Load(deployment, {name: deployment.create(name)}, seed=10_000 + (service == PRIMARY)).start()
    try:
        until("20 acknowledged writes", lambda: load.acknowledged() >= 20)
        deployment.kill(service)
        deployment.until_healthy_instances(1)
        during = load.acknowledged()
        until("20 more while it is down or catching up", lambda: load.acknowledged() >= during + 20)
        deployment.until_healthy_instances(2)
    finally:
        load.stop()
    assert set(load.statuses()) <= set(ACKNOWLEDGED), load.statuses()
    assert load.longest() < 2.0
    check(load, [name])


@pytest.mark.parametrize("service", [PRIMARY, REPLICA])
def test_a_frozen_instance_delays_nobody_and_overtakes_nobody(
    deployment: BalancedDeployment, name: str, service: str
) -> None:
    collection = deployment.create(name)
    for document in ("deleted", "replaced"):
        deployment.change("add", collection, record(1, document))
    load = Load(deployment, {name: collection}, seed=20_000 + (service == PRIMARY)).start()
    try:
        until("20 acknowledged writes", lambda: load.acknowledged() >= 20)
        with deployment.frozen(service):
            deployment.change("upsert", collection, record(2, "replaced"))
            deployment.change("delete", collection, {"ids": ["deleted"]})
            deployment.change("add", collection, record(3, "deleted"))
            deployment.change("upsert", collection, record(4, "replaced"))
            deployment.change("delete", collection, {"ids": ["deleted"]})
            during = load.acknowledged()
            until("20 more while it is frozen", lambda: load.acknowledged() >= during + 20)
            deployment.until_healthy_instances(1)
            assert deployment.seen(collection).items() >= documents(4, "replaced").items()
        with _watched(deployment, collection, "replaced") as seen:
            deployment.until_healthy_instances(2)
    finally:
        load.stop()
    assert set(seen) == {4}
    assert set(load.statuses()) <= set(ACKNOWLEDGED), load.statuses()
    assert load.longest() < 2.0
    deployment.until_settled()
    expected = load.expected()[name] | documents(4, "replaced")
    deployment.expect(name, expected)


def test_with_both_down_writes_are_logged_refused_and_done_in_order_later(
    deployment: BalancedDeployment, name: str
) -> None:
    collection = deployment.create(name)
    deployment.change("add", collection, record(1, "a", "b"))
    deployment.until_settled()
    with deployment.without(PRIMARY, REPLICA):
        for verb, body in (
            ("delete", {"ids": ["a"]}),
            ("upsert", record(2, "b")),
            ("add", record(3, "a")),
            ("upsert", record(4, "b")),
        ):
            answer = deployment.call("POST", f"/{collection}/{verb}", body, session=name)
            assert answer.status_code == 503
            assert "x-effect" not in answer.headers, "it is logged and will take effect"
            until("its answer is recorded", partial(_is_owed, deployment, answer.json()["transaction_id"]))
        health = deployment.call("GET", "/health")
        assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
        assert deployment.call("GET", f"/{collection}/count").status_code == 503
    deployment.expect(name, documents(3, "a") | documents(4, "b"))
    assert deployment.transactions(name) == [("RECOVERED", 503)] * 4


def test_what_happens_to_collections_while_one_is_down_happens_there_too(
    deployment: BalancedDeployment, name: str
) -> None:
    def made(suffix: str) -> str:
        collection = deployment.create(f"{name}-{suffix}")
        deployment.change("add", collection, record(1, "first"))
        return collection

    recreated, deleted, renamed, both = made("recreated"), made("deleted"), made("renamed"), made("both")
    deployment.until_settled()
    deployment.suspend(REPLICA)
    for suffix in ("recreated", "deleted"):
        assert deployment.call("DELETE", f"/{name}-{suffix}").status_code == 200
    assert deployment.create(f"{name}-recreated") != recreated
    assert deployment.call("DELETE", f"/{name}-recreated").status_code == 200
    last = deployment.create(f"{name}-recreated")
    deployment.change("add", last, record(2, "second"))
    for collection, suffix in ((renamed, "renamed-2"), (both, "both-2")):
        answer = deployment.call("PUT", f"/{collection}", {"new_name": f"{name}-{suffix}"})
        assert answer.status_code == 200
    assert deployment.call("DELETE", f"/{name}-both-2").status_code == 200
    reused = deployment.create(f"{name}-renamed")
    deployment.change("add", reused, record(3, "third"))
    assert deployment.call("POST", f"/{deleted}/add", record(4, "late")).status_code == 404
    # The balancer forgets what only its memory knew.
    deployment.restart_balancer()
    deployment.resume(REPLICA)
    deployment.expect(f"{name}-recreated", documents(2, "second"))
    deployment.expect(f"{name}-renamed-2", documents(1, "first"))
    deployment.expect(f"{name}-renamed", documents(3, "third"))
    for suffix in ("deleted", "both", "both-2"):
        deployment.expect(f"{name}-{suffix}", None)
    assert deployment.names_on(PRIMARY) == deployment.names_on(REPLICA)
    assert deployment.seen(renamed) == documents(1, "first")


def test_a_collection_renamed_and_deleted_while_both_are_down_is_gone(
    deployment: BalancedDeployment, name: str
) -> None:
    collection = deployment.create(name)
    deployment.until_settled()
    with deployment.without(PRIMARY, REPLICA):
        assert deployment.call("PUT", f"/{collection}", {"new_name": f"{name}-2"}).status_code == 503
        assert deployment.call("DELETE", f"/{name}").status_code == 503
    deployment.expect(name, None)
    deployment.expect(f"{name}-2", None)


def test_an_instance_with_a_backlog_serves_nothing_old(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    deployment.change("add", collection, record(1, "a"))
    deployment.until_settled()
    deployment.suspend(REPLICA)
    for token in range(2, 150):
        deployment.change("upsert", collection, record(token, "a"))
    with _watched(deployment, collection, "a") as seen:
        deployment.resume(REPLICA)
        deployment.until_settled()
    assert set(seen) == {149}
    deployment.expect(name, documents(149, "a"))


def test_postgres_is_killed_and_returns(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    deployment.change("add", collection, record(1, "a"))
    deployment.suspend(POSTGRES)
    try:
        until("the balancer says so", lambda: deployment.health()["status"] == "degraded")
        for _ in range(3):
            answer = deployment.call("POST", f"/{collection}/upsert", record(2, "a"), session=name)
            assert answer.status_code == 503
            assert answer.headers["x-effect"] == "none"
            assert answer.json()["transaction_id"]
            assert deployment.seen(collection) == documents(1, "a")
        assert deployment.health()["healthy_instances"] == 2
        assert deployment.call("GET", "/collection/mappings").status_code == 503
    finally:
        deployment.resume(POSTGRES)
    deployment.expect(name, documents(1, "a"))
    until("the refusals are recorded", lambda: deployment.transactions(name) == [("FAILED", 503)] * 3)
    deployment.change("upsert", collection, record(3, "a"))
    deployment.expect(name, documents(3, "a"))


def test_postgres_is_killed_under_load(deployment: BalancedDeployment, name: str) -> None:
    load = Load(deployment, {name: deployment.create(name)}, seed=30_000).start()
    try:
        for _ in range(2):
            until("20 acknowledged writes", partial(_has_acknowledged, load, load.acknowledged() + 20))
            deployment.kill(POSTGRES)
            until("refusals", lambda: deployment.health()["status"] == "degraded")
            until("PostgreSQL is back", lambda: deployment.health()["status"] == "healthy")
    finally:
        load.stop()
    assert set(load.statuses()) <= {*ACKNOWLEDGED, 503}, load.statuses()
    check(load, [name])


def test_a_frozen_postgres_holds_nobody_for_long_and_surprises_nobody_later(
    deployment: BalancedDeployment, name: str
) -> None:
    collection = deployment.create(name)
    deployment.until_settled()
    refused: list[tuple[int, float]] = []
    with deployment.frozen(POSTGRES):
        for token in range(3):
            started = time.monotonic()
            answer = deployment.call(
                "POST", f"/{collection}/add", record(token, f"d{token}"), session=f"{name}-{token}"
            )
            refused.append((answer.status_code, time.monotonic() - started))
            assert deployment.call("GET", f"/{collection}/count").status_code == 200
    assert {status for status, _ in refused} == {503}
    assert max(seconds for _, seconds in refused) < 8.0
    deployment.until_settled()
    expected: Documents = {}
    for token in range(3):
        ((status, _),) = deployment.transactions(f"{name}-{token}")
        assert status in ("FAILED", "RECOVERED")
        if status == "RECOVERED":
            expected |= documents(token, f"d{token}")
    deployment.expect(name, expected)


@pytest.mark.parametrize("seed", [40_001, 40_002, 40_003])
def test_the_balancer_is_killed_under_load(deployment: BalancedDeployment, name: str, seed: int) -> None:
    print(f"seed {seed}")
    load = Load(deployment, {n: deployment.create(n) for n in (name, f"{name}-2")}, seed).start()
    try:
        for more in (10, 37, 5):
            until("more acknowledged writes", partial(_has_acknowledged, load, load.acknowledged() + more))
            deployment.restart_balancer()
    finally:
        load.stop()
    check(load, [name, f"{name}-2"])


def _is_owed(deployment: BalancedDeployment, transaction: str) -> bool:
    """Whether the log has what the client was told, and that the last word on it is not spoken."""
    query = "SELECT status, response_status, completed_at FROM emergency_transaction_log WHERE transaction_id = %s"
    ((status, told, completed),) = deployment.sql(query, transaction)
    assert (status, completed) == ("ATTEMPTING", None), "who reads anything else sends it again"
    return bool(told == 503)


def _has_acknowledged(load: Load, count: int) -> bool:
    return load.acknowledged() >= count


def test_a_killed_balancer_repeats_nothing_that_a_repetition_would_change(
    deployment: BalancedDeployment, name: str
) -> None:
    """A delete by condition, then documents that meet it: repeated, it would take those along."""
    collection = deployment.create(name)
    expected: Documents = {}
    for number in range(3):
        deployment.change("add", collection, record(0, f"d{number}"))
        deployment.change("update", collection, record(9, f"e{number}"))
        deployment.change("delete", collection, {"where": {"token": 1}})
        deployment.change("add", collection, record(0, f"e{number}"))
        deployment.change("update", collection, record(1, f"d{number}"))
        deployment.restart_balancer()
        expected = documents(1, f"d{number}") | {k: v for k, v in expected.items() if k[0] == "e"}
        expected |= documents(0, f"e{number}")
        assert deployment.seen(collection) == expected
    deployment.expect(name, expected)


def test_a_write_whose_mark_was_lost_is_not_given_up_because_its_collection_was_deleted(
    deployment: BalancedDeployment, name: str
) -> None:
    """Acknowledged, and the balancer died before it wrote that down; the deletion of its collection is logged, too."""
    collection, session = deployment.create(name), f"lost-{name}"
    deployment.change("add", collection, record(1, "a"), session=session)
    assert deployment.call("DELETE", f"/{name}", session=session).status_code == 200
    deployment.until_settled()
    own = f"SELECT transaction_id FROM emergency_transaction_log WHERE client_session = '{session}'"
    marks = "status = 'pending', executed_on = NULL, synced_instances = '{}', executed_at = NULL, synced_at = NULL"
    deployment.sql(f"UPDATE unified_wal_writes SET {marks} WHERE write_id IN ({own}) RETURNING 1")
    marks = "status = 'ATTEMPTING', response_status = NULL, completed_at = NULL"
    deployment.sql(f"UPDATE emergency_transaction_log SET {marks} WHERE transaction_id IN ({own}) RETURNING 1")
    deployment.restart_balancer()
    deployment.until_settled()
    assert deployment.transactions(session) == [("RECOVERED", None), ("RECOVERED", None)]
    deployment.expect(name, None)


def test_what_is_owed_has_its_age_after_a_restart(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    deployment.until_settled()
    with deployment.without(REPLICA):
        deployment.change("add", collection, record(1, "a"))
        before = deployment.status()["write_ahead_log"]
        assert before["pending_writes"] == 1
        deployment.restart_balancer()
        after = deployment.status()["write_ahead_log"]
        assert after["pending_writes"] == 1
        assert after["oldest_pending_seconds"] > before["oldest_pending_seconds"]
        text = deployment.call("GET", "/metrics").text
        assert 'balancer_instance_pending_writes{instance="replica"} 1.0' in text
        split = {i["name"]: i["pending_writes"] for i in deployment.call("GET", "/wal/status").json()["instances"]}
        assert split == {"primary": 0, "replica": 1}
    deployment.expect(name, documents(1, "a"))


def test_no_row_has_failed(deployment: BalancedDeployment) -> None:
    """The last test of the module: after all this, no instance refuses what another one holds."""
    assert deployment.sql("SELECT path, error_message FROM unified_wal_writes WHERE status = 'failed'") == []
