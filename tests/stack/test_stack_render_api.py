"""The imitation of the Render API: its answers, and the real processes behind them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import psycopg2
import pytest
import requests
from aiohttp.test_utils import TestClient, TestServer

from stack.render_api import RateLimiter, RateLimits, RenderApi
from stack.services import HttpHealth, Service
from stack.supervisor import Keeper
from tests.stack.running_stack import RunningStack, until

COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"


def test_a_wrong_or_missing_key_is_401(stack: RunningStack) -> None:
    wrong = stack.render("GET", "/services", key="rnd_wrong")
    missing = requests.get(stack.values["RENDER_API_URL"] + "/services", timeout=5)
    for answer in (wrong, missing):
        assert answer.status_code == 401
        assert set(answer.json()) == {"id", "message"}
        assert stack.values["RENDER_API_KEY"] not in answer.text


def test_what_does_not_exist_is_404(stack: RunningStack) -> None:
    postgres, primary = stack.values["POSTGRES_ID"], stack.values["PRIMARY_SERVICE_ID"]
    for path in ("/services/srv-unknown", "/nothing", f"/services/{postgres}", f"/postgres/{primary}"):
        answer = stack.render("GET", path)
        assert (answer.status_code, set(answer.json())) == (404, {"id", "message"}), path
    assert stack.render("POST", "/services/srv-unknown/suspend").status_code == 404
    assert stack.render("DELETE", f"/services/{primary}").status_code == 405


def test_a_service_is_found_by_its_name_and_described(stack: RunningStack) -> None:
    (found,) = stack.render("GET", "/services?name=chroma-primary").json()
    service = found["service"]
    assert service == stack.render("GET", f"/services/{stack.values['PRIMARY_SERVICE_ID']}").json()
    assert (service["suspended"], service["suspenders"]) == ("not_suspended", [])
    details = service["serviceDetails"]
    assert details["url"] == stack.values["PRIMARY_URL"]
    assert details["healthCheckPath"] == "/api/v2/heartbeat"
    assert (details["plan"], details["numInstances"]) == ("starter", 1)
    assert details["disk"]["mountPath"]
    assert stack.render("GET", "/services?name=chroma").json() == []
    database = stack.render("GET", f"/postgres/{stack.values['POSTGRES_ID']}").json()
    assert (database["name"], database["plan"], database["status"]) == (
        "chroma-postgres",
        "free",
        "available",
    )


def test_pages_follow_the_cursor(stack: RunningStack) -> None:
    names: list[str] = []
    path = "/services?limit=3"
    while page := stack.render("GET", path).json():
        assert len(page) <= 3
        names += [item["service"]["name"] for item in page]
        path = f"/services?limit=3&cursor={page[-1]['cursor']}"
    assert sorted(names) == ["chroma-balancer", "chroma-monitor", "chroma-primary", "chroma-replica", "slack-sink"]
    for bad in ("limit=0", "limit=101", "limit=x", "cursor=nonsense"):
        assert stack.render("GET", f"/services?{bad}").status_code == 400


def test_suspend_really_stops_and_resume_brings_the_same_data_back(stack: RunningStack) -> None:
    url, service_id = stack.values["PRIMARY_URL"], stack.values["PRIMARY_SERVICE_ID"]
    created = requests.post(url + COLLECTIONS, json={"name": "kept-data"}, timeout=5).json()
    document: dict[str, Any] = {"ids": ["d1"], "documents": ["still here"], "embeddings": [[0.5, 0.25]]}
    assert requests.post(f"{url}{COLLECTIONS}/{created['id']}/add", json=document, timeout=5).status_code == 201

    assert stack.render("POST", f"/services/{service_id}/suspend").status_code == 202
    service = stack.render("GET", f"/services/{service_id}").json()
    assert (service["suspended"], service["suspenders"]) == ("suspended", ["user"])
    stack.until_stopped("chroma-primary")
    with pytest.raises(requests.ConnectionError):
        requests.get(url + "/api/v2/heartbeat", timeout=5)
    assert stack.render("POST", f"/services/{service_id}/restart").status_code == 400
    earlier = len(stack.deploys(service_id))

    assert stack.render("POST", f"/services/{service_id}/resume").status_code == 202
    assert stack.render("GET", f"/services/{service_id}").json()["suspended"] == "not_suspended"
    deploys = stack.deploys(service_id)
    assert len(deploys) == earlier + 1
    assert deploys[0]["status"] in ("created", "build_in_progress", "update_in_progress")
    until("the deploy is live", lambda: stack.deploys(service_id)[0]["status"] == "live")
    assert stack.deploys(service_id)[1]["status"] == "deactivated"
    read = requests.post(f"{url}{COLLECTIONS}/{created['id']}/get", json={}, timeout=5).json()
    assert (read["ids"], read["documents"]) == (["d1"], ["still here"])
    kinds = [event["type"] for event in stack.events(service_id)]
    assert kinds[:4] == ["deploy_ended", "deploy_started", "service_resumed", "service_suspended"]


def test_a_suspended_service_stays_down_and_a_frozen_one_can_be_suspended(stack: RunningStack) -> None:
    service_id = stack.values["REPLICA_SERVICE_ID"]
    os.kill(stack.pid("chroma-replica"), signal.SIGSTOP)
    for _ in range(2):  # the second one changes nothing
        assert stack.render("POST", f"/services/{service_id}/suspend").status_code == 202
    stack.until_stopped("chroma-replica")
    kinds = [event["type"] for event in stack.events(service_id)]
    assert kinds[0] == "service_suspended"
    assert kinds[1] != "service_suspended"
    stack.render("POST", f"/services/{service_id}/resume")
    # Asked again before it is up: the last word counts.
    stack.render("POST", f"/services/{service_id}/suspend")
    assert stack.deploys(service_id)[0]["status"] == "canceled"
    stack.until_stopped("chroma-replica")
    stack.render("POST", f"/services/{service_id}/resume")
    stack.until_live("chroma-replica")


def test_restart_replaces_the_process(stack: RunningStack) -> None:
    service_id, before = stack.values["BALANCER_SERVICE_ID"], stack.pid("chroma-balancer")
    assert stack.render("POST", f"/services/{service_id}/restart").status_code == 200
    until("it restarted", lambda: stack.events(service_id)[0]["type"] == "server_restarted")
    assert stack.pid("chroma-balancer") != before


def _keeper(number: int, http: aiohttp.ClientSession) -> Keeper:
    service = Service(
        name=f"service-{number:02}",
        command=("true",),
        environment={},
        port=1,
        health=HttpHealth("/"),
        data_folder=None,
        working_folder=Path("/"),
        render_id=f"srv-{number:02}",
        plan="free",
    )
    return Keeper(service, Path("/nowhere"), Path("/dev/null"), http, lambda: None, 1.0)


Scene = Callable[[TestClient[aiohttp.web.Request, aiohttp.web.Application]], Awaitable[None]]


def _with_api(limits: RateLimits, clock: Callable[[], float], services: int, scene: Scene) -> None:
    """Play a scene against the API alone, over services that are never started."""

    async def play() -> None:
        async with aiohttp.ClientSession() as http:
            api = RenderApi([_keeper(number, http) for number in range(services)], "key", limits, clock)
            server = TestServer(api.application())
            async with TestClient(server, headers={"Authorization": "Bearer key"}) as client:
                await scene(client)

    asyncio.run(play())


def test_a_page_has_20_services_unless_asked_and_never_more_than_100() -> None:
    async def scene(client: TestClient[aiohttp.web.Request, aiohttp.web.Application]) -> None:
        assert len(await (await client.get("/v1/services")).json()) == 20
        assert len(await (await client.get("/v1/services?limit=100")).json()) == 100
        last = (await (await client.get("/v1/services?limit=100")).json())[-1]["cursor"]
        assert len(await (await client.get(f"/v1/services?cursor={last}")).json()) == 5

    _with_api(RateLimits(), lambda: 0.0, 105, scene)


def test_too_many_requests_are_429_until_the_reset() -> None:
    clock = [100.0]

    async def scene(client: TestClient[aiohttp.web.Request, aiohttp.web.Application]) -> None:
        statuses = [(await client.post(f"/v1/services/srv-00/{verb}")).status for verb in ("suspend", "resume") * 5]
        assert statuses == [202] * 10
        clock[0] += 20
        refused = await client.post("/v1/services/srv-00/suspend")
        assert refused.status == 429
        assert refused.headers["Ratelimit-Reset"] == "40"
        assert set(await refused.json()) == {"id", "message"}
        assert (await client.get("/v1/services/srv-00")).status == 200
        assert (await (await client.get("/v1/services/srv-00")).json())["suspended"] == "not_suspended"
        assert (await client.post("/v1/services/srv-01/suspend")).status == 202, "each service has its own limit"
        clock[0] += 40
        assert (await client.post("/v1/services/srv-00/suspend")).status == 202
        for _ in range(30):
            assert (await client.post("/v1/services/srv-02/restart")).status == 200
        assert (await client.post("/v1/services/srv-02/restart")).status == 429

    _with_api(RateLimits(), lambda: clock[0], 3, scene)


def test_reads_have_a_limit_of_their_own() -> None:
    limiter = RateLimiter(RateLimits(), lambda: 0.0)
    allowed = [limiter.take("reads", 400)[2] for _ in range(401)]
    assert allowed == [True] * 400 + [False]


def test_a_suspended_database_refuses_connections_and_keeps_its_data(stack: RunningStack) -> None:
    dsn, database_id = stack.values["DATABASE_URL"], stack.values["POSTGRES_ID"]
    connection = psycopg2.connect(dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('here')")
    assert stack.render("POST", f"/postgres/{database_id}/suspend").status_code == 202
    assert stack.render("GET", f"/postgres/{database_id}").json()["suspended"] == "suspended"
    stack.until_stopped("chroma-postgres")
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(dsn)
    stack.render("POST", f"/postgres/{database_id}/resume")
    stack.until_live("chroma-postgres")
    connection = psycopg2.connect(dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT word FROM kept")
        assert cursor.fetchall() == [("here",)]
        cursor.execute("DROP TABLE kept")
    connection.close()
