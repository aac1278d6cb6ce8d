"""What a client sees of a deployment that is well: the Chroma API unchanged, and one transaction for each write."""

from __future__ import annotations

import base64
import socket
import struct
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import chromadb
import pytest
import requests

from tests.balancer.balanced_deployment import (
    BALANCER,
    BASE,
    POSTGRES,
    PRIMARY,
    REPLICA,
    BalancedDeployment,
    Documents,
    documents,
    record,
    vector,
)
from tests.stack.running_stack import until


def _client(deployment: BalancedDeployment) -> Any:
    address = urlsplit(deployment.urls[BALANCER])
    return chromadb.HttpClient(host=str(address.hostname), port=int(address.port or 0))


def test_the_official_client_works(deployment: BalancedDeployment, name: str) -> None:
    client = _client(deployment)
    made = client.get_or_create_collection(name, embedding_function=None, metadata={"purpose": "test"})
    assert client.get_or_create_collection(name, embedding_function=None).id == made.id
    metadata = {"text": "é漢字", "whole": 2**40, "real": 0.5, "yes": True, "list": ["a", "b"]}
    made.add(ids=["a", "b"], embeddings=[vector(1), vector(2)], documents=["one", "two"], metadatas=[metadata, None])
    assert made.query(query_embeddings=[vector(2)], n_results=2)["ids"] == [["b", "a"]]
    made.upsert(ids=["b", "c"], embeddings=[vector(4), vector(3)], documents=["TWO", "x" * 1_000_000])
    made.update(ids=["c"], metadatas=[{"k": 1}])
    made.delete(ids=["b"])
    expected: Documents = {
        "a": ("one", metadata, tuple(vector(1))),
        "c": ("x" * 1_000_000, {"k": 1}, tuple(vector(3))),
    }
    assert deployment.seen(str(made.id)) == expected
    deployment.expect(name, expected)
    made.modify(name=f"{name}-renamed")
    assert client.get_collection(f"{name}-renamed", embedding_function=None).id == made.id
    assert made.count() == 2
    deployment.expect(f"{name}-renamed", expected)
    deployment.expect(name, None)
    assert client.get_collection(f"{name}-renamed", embedding_function=None).metadata == {"purpose": "test"}
    client.delete_collection(f"{name}-renamed")
    with pytest.raises(chromadb.errors.NotFoundError):
        client.get_collection(f"{name}-renamed", embedding_function=None)
    deployment.expect(f"{name}-renamed", None)


def test_embeddings_come_through_as_text_and_as_numbers(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    numbers = (0.1, -2.5e-7, 3.0)
    encoded = base64.b64encode(struct.pack("<3f", *numbers)).decode()
    deployment.change("add", collection, {"ids": ["text"], "embeddings": [encoded]})
    deployment.change("add", collection, {"ids": ["numbers"], "embeddings": [numbers]})
    deployment.until_settled()
    for service in (PRIMARY, REPLICA):
        held = deployment.held_by(service, name)
        assert held is not None
        assert held["text"][2] == held["numbers"][2] == pytest.approx(numbers, abs=1e-6)
    (logged,) = deployment.sql(
        "SELECT data FROM unified_wal_writes WHERE path LIKE %s AND data LIKE %s", "%add", f"%{encoded}%"
    )
    assert encoded in logged[0]


def test_the_mapping_names_both_uuids_and_follows_a_renaming(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    for current in (name, f"{name}-renamed"):
        if current != name:
            assert deployment.call("PUT", f"/{collection}", {"new_name": current}).status_code == 200
        deployment.until_settled()
        query = (
            "SELECT primary_collection_id, replica_collection_id FROM collection_id_mapping WHERE collection_name = %s"
        )
        own = (deployment.own_id(PRIMARY, current), deployment.own_id(REPLICA, current))
        assert deployment.sql(query, current) == [own]
        assert own[0] != own[1]
    assert not deployment.sql("SELECT 1 FROM collection_id_mapping WHERE collection_name = %s", name)


def test_a_name_that_a_renaming_left_is_free_at_once(deployment: BalancedDeployment, name: str) -> None:
    for number in range(5):
        collection = deployment.create(f"{name}-{number}")
        assert deployment.call("PUT", f"/{collection}", {"new_name": f"{name}-{number}-old"}).status_code == 200
        assert deployment.create(f"{name}-{number}") != collection


def test_two_collections_swap_their_names(deployment: BalancedDeployment, name: str) -> None:
    first, second = deployment.create(f"{name}-a"), deployment.create(f"{name}-b")
    deployment.change("add", first, record(1, "x"))
    deployment.change("add", second, record(2, "x"))
    for collection, new_name in ((first, f"{name}-c"), (second, f"{name}-a"), (first, f"{name}-b")):
        answer = deployment.call("PUT", f"/{collection}", {"new_name": new_name})
        assert answer.status_code == 200, answer.text
    deployment.expect(f"{name}-a", documents(2, "x"))
    deployment.expect(f"{name}-b", documents(1, "x"))


def test_a_refused_renaming_leaves_the_name_free(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    assert deployment.call("PUT", f"/{collection}", {"new_name": 12345}).status_code == 422
    assert deployment.call("PUT", f"/{collection}", {"new_name": "no"}).status_code == 400
    other = deployment.create(f"{name}-other")
    assert deployment.call("PUT", f"/{collection}", {"new_name": f"{name}-other"}).status_code == 409
    assert deployment.create("12345")
    deployment.change("add", other, record(1, "a"))
    deployment.expect(f"{name}-other", documents(1, "a"))


def _refusals(collection: str) -> dict[str, tuple[str, str, Any, int]]:
    return {
        "wrong dimension": ("POST", f"/{collection}/add", {"ids": ["z"], "embeddings": [[1.0]]}, 400),
        "malformed": ("POST", f"/{collection}/add", b'{"ids": ["z"', 400),
        "not an object": ("POST", f"/{collection}/add", b"[1]", 422),
        "no embeddings": ("POST", f"/{collection}/add", {"ids": ["z"]}, 422),
        "unknown collection": ("POST", "/00000000-0000-4000-8000-000000000000/add", record(1, "z"), 404),
        "by name": ("POST", "/name-for-id/add", record(1, "z"), 400),
        "a name that is none": ("POST", "", {"name": "a"}, 400),
        "a NUL in the path": ("POST", "/a%00b/add", record(1, "z"), 400),
        "delete by id": ("DELETE", f"/{collection}", None, 404),
        "too large": ("POST", f"/{collection}/add", b" " * (40 * 1024 * 1024 + 1), 413),
    }


@pytest.mark.parametrize("case", sorted(_refusals("")))
def test_a_request_at_fault_is_refused_for_good(deployment: BalancedDeployment, name: str, case: str) -> None:
    collection = deployment.create(name)
    deployment.change("add", collection, record(1, "a"))
    method, path, body, expected = _refusals(collection)[case]
    answer = deployment.call(method, path, body, session=f"{name}-{case}")
    assert answer.status_code == expected, answer.text
    assert {"error", "message"} <= answer.json().keys()
    deployment.expect(name, documents(1, "a"))
    assert deployment.transactions(f"{name}-{case}") == [("FAILED", expected)]
    assert deployment.status()["write_ahead_log"]["pending_writes"] == 0


def test_an_unknown_path_is_404_and_not_logged(deployment: BalancedDeployment, name: str) -> None:
    for path in ("/api/v2/nowhere", "/api/v3/x", "/api/v2/tenants/t/databases/d/collections/c/explode"):
        assert deployment.call("POST", path, {"ids": []}, session=name).status_code == 404
    deployment.until_settled()
    assert deployment.transactions(name) == []


def test_what_chroma_does_not_implement_is_not_held_against_it(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    for _ in range(6):
        assert deployment.call("POST", f"/{collection}/search", {"searches": [{}]}).status_code == 501
        assert deployment.health()["status"] == "healthy"
    assert [i["consecutive_failures"] for i in deployment.status()["instances"]] == [0, 0]


def test_the_answers_that_prove_nothing_are_chromas_own(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    deployment.change("add", collection, record(1, "a"))
    deployment.change("add", collection, record(2, "a"))
    deployment.change("update", collection, record(3, "missing"))
    answer = deployment.call("POST", f"/{collection}/delete", {"ids": ["missing"]})
    assert (answer.status_code, answer.json()) == (200, {"deleted": 1})
    assert deployment.call("POST", "", {"name": name}).status_code == 409
    deployment.expect(name, documents(1, "a"))


def test_delete_by_condition_takes_only_what_meets_it(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    deployment.change("add", collection, record(1, "a", "b", "c"))
    deployment.change("delete", collection, {"ids": ["a", "b"], "where": {"of": "b"}})
    deployment.change("delete", collection, {"where": {"of": "c"}})
    deployment.expect(name, documents(1, "a"))


def test_eight_clients_create_one_name(deployment: BalancedDeployment, name: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: deployment.call("POST", "", {"name": name}), range(8)))
    assert Counter(a.status_code for a in answers) == {200: 1, 409: 7}
    with ThreadPoolExecutor(8) as pool:
        again = list(pool.map(lambda _: deployment.create(f"{name}-shared", get_or_create=True), range(8)))
    assert len(set(again)) == 1
    deployment.until_settled()
    query = "SELECT count(*) FROM collection_id_mapping WHERE collection_name LIKE %s"
    assert deployment.sql(query, f"{name}%") == [(2,)]


def test_thirty_concurrent_creates_are_thirty_complete_mappings(deployment: BalancedDeployment, name: str) -> None:
    names = [f"{name}-{number}" for number in range(30)]
    with ThreadPoolExecutor(30) as pool:
        ids = list(pool.map(deployment.create, names))
    deployment.until_settled()
    rows = deployment.sql(
        "SELECT collection_name, primary_collection_id, replica_collection_id FROM collection_id_mapping"
        " WHERE collection_name LIKE %s",
        f"{name}-%",
    )
    assert sorted(rows) == sorted((n, deployment.own_id(PRIMARY, n), deployment.own_id(REPLICA, n)) for n in names)
    assert len(set(ids)) == len({own for row in rows for own in row[1:]}) // 2 == 30


def test_each_write_is_one_transaction_as_the_client_saw_it(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    sessions = [f"{name}-{number}" for number in range(40)]
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda s: deployment.change("add", collection, record(1, s), session=s), sessions))
    deployment.expect(name, documents(1, *sessions))
    for session in sessions:
        assert deployment.transactions(session) == [("COMPLETED", 201)]
    rows = deployment.sql("SELECT seq, status FROM unified_wal_writes WHERE collection_name = %s", name)
    assert len(rows) == 41
    assert {status for _, status in rows} == {"synced"}


def test_only_client_requests_are_counted(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    deployment.until_settled()
    before = {i["name"]: int(i["request_count"]) for i in deployment.status()["instances"]}
    for _ in range(50):
        assert deployment.call("GET", f"/{collection}/count").json() == 0
    probed = deployment.status()["instances"][0]["last_health_check"]
    until("another probe", lambda: deployment.status()["instances"][0]["last_health_check"] > probed)
    after = {i["name"]: int(i["request_count"]) for i in deployment.status()["instances"]}
    assert {n: after[n] - before[n] for n in after} == {"primary": 10, "replica": 40}


def test_pages_of_the_list_neither_overlap_nor_leave_gaps(deployment: BalancedDeployment, name: str) -> None:
    made = [deployment.create(f"{name}-{number}") for number in range(7)]
    deployment.until_settled()
    total = int(deployment.call("GET", BASE.replace("collections", "collections_count")).json())
    listed: list[str] = []
    for offset in range(0, total, 3):
        listed += [c["id"] for c in deployment.call("GET", f"?limit=3&offset={offset}").json()]
    assert len(listed) == len(set(listed)) == total
    assert [i for i in listed if i in made] == made


def test_a_client_that_leaves_does_not_take_its_write_along(deployment: BalancedDeployment, name: str) -> None:
    collection = deployment.create(name)
    deployment.until_settled()
    with deployment.frozen(PRIMARY), deployment.frozen(REPLICA), pytest.raises(requests.Timeout):
        deployment.call("POST", f"/{collection}/add", record(1, "a"), session=name, seconds=0.3)
    deployment.expect(name, documents(1, "a"))
    ((status, _),) = deployment.transactions(name)
    assert status in ("COMPLETED", "RECOVERED")


def test_another_database_is_served_in_order(deployment: BalancedDeployment, name: str) -> None:
    databases = "/api/v2/tenants/default_tenant/databases"
    assert deployment.call("POST", databases, {"name": name}).status_code == 200
    base = f"{databases}/{name}/collections"
    collection = deployment.call("POST", base, {"name": "inside"}).json()["id"]
    assert deployment.call("POST", f"{base}/{collection}/add", record(1, "a")).status_code == 201
    assert deployment.call("GET", f"{base}/{collection}/count").json() == 1
    deployment.until_settled()
    for service in (PRIMARY, REPLICA):
        own = requests.get(f"{deployment.urls[service]}{base}/inside", timeout=5).json()["id"]
        assert requests.get(f"{deployment.urls[service]}{base}/{own}/count", timeout=5).json() == 1
    assert deployment.call("DELETE", f"{databases}/{name}").status_code == 200
    assert deployment.call("GET", f"{base}/{collection}/count").status_code == 404
    deployment.until_settled()


def test_overload_is_refused_without_effect_and_logged(start_deployment: Any, name: str) -> None:
    deployment = start_deployment(MAX_CONCURRENT_REQUESTS="2", REQUEST_QUEUE_SIZE="1")
    deployment.until_settled()
    collection = deployment.create(name)
    sessions = [f"{name}-{number}" for number in range(24)]
    answers: dict[str, requests.Response] = {}
    together = threading.Barrier(len(sessions))

    def add(session: str) -> None:
        together.wait()
        answers[session] = deployment.call("POST", f"/{collection}/add", record(1, session), session=session)

    with ThreadPoolExecutor(len(sessions)) as pool:
        list(pool.map(add, sessions))
    refused = {s for s, a in answers.items() if a.status_code == 503}
    assert refused, "the limit was never reached"
    assert refused != set(sessions)
    for session in refused:
        assert answers[session].headers["x-effect"] == "none"
        assert answers[session].json()["transaction_id"]
    deployment.expect(name, documents(1, *(set(sessions) - refused)))
    for session in sessions:
        expected = ("FAILED", 503) if session in refused else ("COMPLETED", 201)
        assert deployment.transactions(session) == [expected]


def test_a_request_that_stops_half_way_is_refused_in_time_and_leaves_its_place(
    start_deployment: Any, name: str
) -> None:
    deployment = start_deployment(MAX_CONCURRENT_REQUESTS="1", REQUEST_TIMEOUT="1")
    deployment.until_settled()
    collection = deployment.create(name)
    address = urlsplit(deployment.urls[BALANCER])
    head = f"POST {BASE}/{collection}/add HTTP/1.1\r\nhost: x\r\nx-session-id: {name}\r\ncontent-length: 100\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=10) as client:
        client.sendall(head.encode() + b'{"ids":')
        started = time.monotonic()
        answer = client.recv(65_536).decode()
        assert time.monotonic() - started < 2
        assert answer.startswith("HTTP/1.1 503 ")
        assert "x-effect: none" in answer
        deployment.change("add", collection, record(1, "a"))
    until("its refusal is recorded", lambda: deployment.transactions(name) == [("FAILED", 503)])


def test_requests_behind_one_that_is_stuck_are_refused_in_time_without_effect(start_deployment: Any, name: str) -> None:
    deployment = start_deployment(REQUEST_TIMEOUT="1")
    deployment.until_settled()
    collection = deployment.create(name)
    took: dict[str, float] = {}
    answers: dict[str, requests.Response] = {}
    together = threading.Barrier(4)

    def add(document: str) -> None:
        together.wait()
        started = time.monotonic()
        answers[document] = deployment.call("POST", f"/{collection}/add", record(1, document))
        took[document] = time.monotonic() - started

    with deployment.frozen(POSTGRES), ThreadPoolExecutor(4) as pool:
        list(pool.map(add, "abcd"))
    assert {answer.status_code for answer in answers.values()} == {503}
    behind = sorted(took, key=lambda document: took[document])[:3]
    assert all(answers[document].headers["x-effect"] == "none" for document in behind)
    assert max(took[document] for document in behind) < 2, "all but the one that was being logged"
    deployment.until_settled()
    held = deployment.held_by(PRIMARY, name)
    assert held is not None
    assert not held.keys() & set(behind)
