"""Reading requests: every call of Chroma's API has its place, and nothing that changes data passes as a read."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from stack.balancer.operations import Action, default_lane, qualified_name, read_operation
from tests.balancer.balanced_deployment import PRIMARY, BalancedDeployment

COLLECTIONS = "/api/v2/tenants/t/databases/d/collections"
WRITES = [
    ("POST", f"{COLLECTIONS}/c/add", Action.ADD),
    ("POST", f"{COLLECTIONS}/c/upsert", Action.UPSERT),
    ("POST", f"{COLLECTIONS}/c/update", Action.UPDATE),
    ("POST", f"{COLLECTIONS}/c/delete", Action.DELETE_DOCUMENTS),
    ("PUT", f"{COLLECTIONS}/c", Action.MODIFY_COLLECTION),
    ("POST", COLLECTIONS, Action.CREATE_COLLECTION),
    ("DELETE", f"{COLLECTIONS}/c", Action.DELETE_COLLECTION),
    ("POST", "/api/v2/tenants", Action.CREATE_NAMESPACE),
    ("PATCH", "/api/v2/tenants/t", Action.UPDATE_NAMESPACE),
    ("POST", "/api/v2/tenants/t/databases", Action.CREATE_NAMESPACE),
    ("DELETE", "/api/v2/tenants/t/databases/d", Action.DELETE_NAMESPACE),
]
READS = [
    ("POST", f"{COLLECTIONS}/c/get", Action.READ_DOCUMENTS),
    ("POST", f"{COLLECTIONS}/c/query", Action.READ_DOCUMENTS),
    ("POST", f"{COLLECTIONS}/c/search", Action.READ_DOCUMENTS),
    ("GET", f"{COLLECTIONS}/c/count", Action.READ_DOCUMENTS),
    ("GET", f"{COLLECTIONS}/c", Action.GET_COLLECTION),
    ("GET", f"{COLLECTIONS}/by-id/c", Action.GET_COLLECTION_BY_ID),
    ("GET", COLLECTIONS, Action.LIST_COLLECTIONS),
    ("GET", "/api/v2/tenants/t/databases/d/collections_count", Action.COUNT_COLLECTIONS),
    ("GET", "/api/v2/tenants/t", Action.READ_NAMESPACE),
    ("GET", "/api/v2/tenants/t/databases", Action.READ_NAMESPACE),
    ("GET", "/api/v2/heartbeat", Action.READ_INSTANCE),
]
# By a "CRN": a local Chroma closes the connection on it, so the balancer says that there is no such call.
NOT_SERVED = {("GET", "/api/v2/collections/{crn}")}


@pytest.mark.parametrize(("method", "path", "action"), WRITES)
def test_a_write_is_read_as_a_write(method: str, path: str, action: Action) -> None:
    operation = read_operation(method, path)
    assert operation is not None
    assert operation.action is action
    assert operation.is_write


@pytest.mark.parametrize(("method", "path", "action"), READS)
def test_a_read_is_read_as_a_read(method: str, path: str, action: Action) -> None:
    operation = read_operation(method, path)
    assert operation is not None
    assert operation.action is action
    assert not operation.is_write


def _calls(url: str) -> Iterator[tuple[str, str]]:
    for path, methods in requests.get(f"{url}/openapi.json", timeout=10).json()["paths"].items():
        yield from ((method.upper(), path) for method in methods)


def test_every_call_of_a_real_server_has_its_place(deployment: BalancedDeployment) -> None:
    reading_posts = {"get", "query", "search"}
    calls = set(_calls(deployment.urls[PRIMARY]))
    assert len(calls) > 30
    assert calls >= NOT_SERVED
    for method, template in calls - NOT_SERVED:
        operation = read_operation(method, re.sub(r"\{[^}]+\}", "x", template))
        assert operation is not None, f"{method} {template} has no place"
        changes = method != "GET" and template.rsplit("/", 1)[-1] not in reading_posts
        without_effect = operation.action in (Action.RESET, Action.UNSUPPORTED)
        assert operation.is_write or without_effect or not changes, f"{method} {template} would pass as a read"
        assert changes or not operation.is_write, f"{method} {template} would be logged as a write"


@given(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]), st.text(max_size=40))
def test_any_other_path_is_no_call(method: str, tail: str) -> None:
    operation = read_operation(method, f"/api/v2/{tail}")
    assert operation is None or not operation.is_write or tail.startswith("tenants")


@given(st.text(st.characters(exclude_characters="/\n"), min_size=1, max_size=20))
def test_a_reference_comes_through_as_it_is(reference: str) -> None:
    operation = read_operation("POST", f"{COLLECTIONS}/{reference}/add")
    assert operation is not None
    assert (operation.tenant, operation.database, operation.reference) == ("t", "d", reference)


def test_a_name_has_a_lane_of_its_own_only_in_the_default_database() -> None:
    assert default_lane("default_tenant", "default_database", "docs") == "docs"
    assert default_lane("default_tenant", "other", "docs") == default_lane("default_tenant", "other", "")
    assert default_lane("t", "a", "docs") == default_lane("t", "b", "more") == default_lane("t", "", "")
    assert default_lane("t", "d", "docs") != default_lane("default_tenant", "d", "docs")


@given(st.lists(st.tuples(*[st.text(st.sampled_from("ab.-_"), min_size=3, max_size=4)] * 3), min_size=2, max_size=2))
def test_qualified_names_are_as_different_as_what_they_name(keys: list[tuple[str, str, str]]) -> None:
    first, second = keys
    assert (qualified_name(*first) == qualified_name(*second)) == (first == second)


def test_the_plain_name_stands_for_the_default_database() -> None:
    assert qualified_name("default_tenant", "default_database", "docs") == "docs"
    assert qualified_name("default_tenant", "other", "docs") == "default_tenant/other/docs"
