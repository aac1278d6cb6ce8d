"""An environment file is read strictly, and each mistake is one sentence that says where to change what."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff.environment import FOLDER, BadEnvironment, load_environment, value_at
from signoff.testbed import Testbed
from signoff.verdict import CouldNotObserve, NotTested

LOCAL = (FOLDER / "local.yaml").read_text(encoding="utf-8")
VARIABLES = {
    **{name: "given" for name in re.findall(r"\$\{(\w+)\}", LOCAL)},
    **dict.fromkeys(("BALANCER_URL", "PRIMARY_URL", "REPLICA_URL", "RENDER_API_URL"), "http://127.0.0.1:1"),
    "DATABASE_URL": "postgresql://someone:a-secret-password@127.0.0.1:1/chroma",
    "SLACK_SINK_URL": "http://127.0.0.1:1",
    "SLACK_WEBHOOK_URL": "http://127.0.0.1:1/services/T0/B0/0123456789",
    "RESOURCE_CHECK_INTERVAL": "1",
    "RENDER_API_KEY": "rnd_0123456789abcdef",
    "READ_REPLICA_RATIO": "0.8",
    "CHECK_INTERVAL": "0.25",
    "FAILURE_THRESHOLD": "3",
    "REQUEST_TIMEOUT": "10",
    "SYNC_CHUNK_SIZE": "1000",
}


def changed(tmp_path: Path, old: str, new: str) -> str:
    assert old in LOCAL
    path = tmp_path / "changed.yaml"
    path.write_text(LOCAL.replace(old, new), encoding="utf-8")
    return str(path)


def test_the_local_environment_is_typed() -> None:
    environment = load_environment("local", VARIABLES)
    assert environment.limits.failover_max == timedelta(seconds=1)
    assert environment.limits.health_p95 == timedelta(milliseconds=50)
    assert environment.limits.write_min == 10
    assert environment.limits.words("FAILOVER_MAX") == "failover max 1 s (contract 60 s)"
    assert environment.settings.check_interval == timedelta(seconds=0.25)
    assert environment.destructive


def test_services_that_a_deployment_does_not_have_are_left_out() -> None:
    variables = VARIABLES | {"SYNC_WORKER_1_SERVICE_ID": "none", "SYNC_WORKER_2_SERVICE_ID": "srv-2"}
    access = load_environment("local", variables).render
    assert access is not None
    assert set(access.services) == {
        "balancer",
        "primary",
        "replica",
        "postgres",
        "monitor",
        "sync-coordinator",
        "sync-worker-2",
    }


def test_the_hosted_environment_forbids_faults_and_holds_the_contracts_limits() -> None:
    environment = load_environment("render", VARIABLES)
    assert not environment.destructive
    assert not environment.own_deployments
    assert environment.limits.words("FAILOVER_MAX") == "failover max 60 s"


def test_no_credential_is_shown() -> None:
    shown = repr(load_environment("local", VARIABLES))
    assert "a-secret-password" not in shown
    assert "rnd_0123456789abcdef" not in shown


def test_missing_variables_are_all_named_with_their_place() -> None:
    given = {name: value for name, value in VARIABLES.items() if name not in ("DATABASE_URL", "PRIMARY_URL")}
    with pytest.raises(BadEnvironment) as caught:
        load_environment("local", given)
    assert str(caught.value) == (
        "PRIMARY_URL (for urls.primary) and DATABASE_URL (for urls.database) are not set, "
        "and local.yaml needs them; set them in the shell."
    )


def test_what_a_key_is_needed_for_is_absent_without_it_and_says_why() -> None:
    given = {name: value for name, value in VARIABLES.items() if name != "RENDER_API_KEY"}
    environment = load_environment("render", given)
    assert environment.render is None
    assert environment.absent == {"render": "the shell has no RENDER_API_KEY"}
    with pytest.raises(NotTested, match=r"the shell has no RENDER_API_KEY, which render in render\.yaml needs"):
        assert Testbed(environment).render
    assert load_environment("render", VARIABLES).absent == {}


def test_an_absent_section_needs_nothing_and_all_else_does(tmp_path: Path) -> None:
    given = {name: value for name, value in VARIABLES.items() if name not in ("SLACK_SINK_URL", "SLACK_WEBHOOK_URL")}
    path = changed(tmp_path, "${SLACK_WEBHOOK_URL}", "${SLACK_WEBHOOK_URL?}")
    environment = load_environment(path, given)
    assert environment.alerts is None
    assert environment.absent == {"alerts": "the shell has no SLACK_WEBHOOK_URL"}
    del given["DATABASE_URL"]
    with pytest.raises(BadEnvironment, match=r"^DATABASE_URL \(for urls\.database\) is not set"):
        load_environment(path, given)
    with pytest.raises(BadEnvironment, match="can't be missing: only render, local, alerts and proxies may be absent"):
        load_environment(changed(tmp_path, "${BALANCER_URL}", "${BALANCER_URL?}"), {})


def test_an_unknown_environment_lists_the_known_ones() -> None:
    with pytest.raises(BadEnvironment, match="There is no environment prod; known are local and render"):
        load_environment("prod", VARIABLES)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("destructive: allowed", "destructive: perhaps", "permissions.destructive is 'perhaps' .* or forbidden"),
        ("destructive: allowed", "harmful: allowed", "permissions.destructive is missing in"),
        ("FAILOVER_MAX: 1 s", "FAILOVER_MAX: 1", r"limits.FAILOVER_MAX is '1' .* a number with a unit \(ms, s, min\)"),
        ("FAILOVER_MAX: 1 s", "FAILOVER: 1 s", "limits.FAILOVER_MAX is missing"),
        ("FAILOVER_MAX: 1 s", "FAILOVER_MAX: 90 s", "FAILOVER_MAX is '90 s' .* at most the contract's 60 s"),
        ("WRITE_MIN: 10/s", "WRITE_MIN: 5/s", "WRITE_MIN is '5/s' .* at least the contract's 10/s"),
        ("limits:\n", "limits:\n  MORE: 1 s\n", "limits.MORE in .* is not known"),
        ('"${READ_REPLICA_RATIO}"', "1.5", "settings.read_replica_ratio is 1.5 .* a number from 0 to 1"),
        ('"${BALANCER_URL}"', "127.0.0.1:80", "urls.balancer in .* must be a URL that begins with http://"),
        ("    strategy: load_balancer.strategy\n", "", "dialect.status.strategy is missing"),
        ("urls:\n", "urls: [\n", "is not valid YAML"),
        ("permissions:\n", "wrong: x\npermissions:\n", "wrong in .* is not known"),
    ],
)
def test_each_mistake_is_one_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(BadEnvironment, match=message) as caught:
        load_environment(changed(tmp_path, old, new), VARIABLES)
    assert "\n" not in str(caught.value)
    assert "a-secret-password" not in str(caught.value)


def test_a_value_is_found_by_its_path() -> None:
    answer = {"a": {"b": [{"name": "x", "n": 0}, {"name": "y", "n": None}]}}
    assert value_at(answer, "a.b[0].n", "/status") == 0
    assert value_at(answer, "a.b[name=y].n", "/status") is None


@pytest.mark.parametrize("path", ["c", "a.c", "a.b[2]", "a.b[name=z]", "a.b.n", "a.b[0].n.m", "a[0]", "a.b[-1]"])
def test_a_missing_value_is_an_error_and_never_zero(path: str) -> None:
    answer = {"a": {"b": [{"name": "x", "n": 0}, {"name": "y", "n": 1}]}}
    with pytest.raises(CouldNotObserve, match="/status has no "):
        value_at(answer, path, "/status")


@given(st.recursive(st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_answer_without_the_value_is_an_error(answer: object) -> None:
    with pytest.raises(CouldNotObserve):
        value_at(answer, "healthy_instances.never.there", "/health")


@pytest.mark.parametrize(
    ("strategy", "share"), [("primary_only", 0.0), ("round_robin", 0.5), ("optimized_read_replica", 0.8)]
)
def test_the_share_of_the_replica_follows_from_the_strategy(strategy: str, share: float) -> None:
    settings = load_environment("local", VARIABLES | {"LOAD_BALANCE_STRATEGY": strategy}).settings
    assert settings.replica_share == share
