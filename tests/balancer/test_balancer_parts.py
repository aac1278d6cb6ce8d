"""The balancer's small parts: catalog, routing, settings, an instance's health, resources, derived statuses."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from pydantic import ValidationError

from stack.balancer import statements
from stack.balancer.catalog import Catalog, Collection
from stack.balancer.entries import Entry, Reply, State
from stack.balancer.instance import Instance
from stack.balancer.journal import Journal
from stack.balancer.operations import Action, Operation, default_lane
from stack.balancer.resources import LEAST_BYTES, PART_OF_FREE, Resources
from stack.balancer.routing import Router
from stack.balancer.settings import Settings, Strategy, mistakes
from stack.monitor.settings import Settings as MonitorSettings
from stack.sync.settings import CoordinatorSettings, WorkerSettings

TENANT, DATABASE = "default_tenant", "default_database"


class CatalogLaws(RuleBasedStateMachine):
    """Creating, deleting and renaming in any order, against a plain dictionary of names."""

    def __init__(self) -> None:
        super().__init__()
        self.catalog = Catalog()
        self.model: dict[str, Collection] = {}
        self.gone: list[Collection] = []
        self.count = 0

    names = st.sampled_from(["a", "b", "c"])

    @rule(name=names)
    def create(self, name: str) -> None:
        key = (TENANT, DATABASE, name)
        assert self.catalog.is_taken(key) == (name in self.model)
        if name in self.model:
            return
        self.count += 1
        made = Collection(f"id-{self.count}", *key, self.catalog.lane_of(key), {"primary": f"own-{self.count}"})
        self.catalog.add(made)
        self.model[name] = made

    @rule(name=names)
    def delete(self, name: str) -> None:
        if collection := self.model.pop(name, None):
            self.catalog.remember_lane(collection.key, collection.lane)
            self.catalog.remove(collection)
            self.gone.append(collection)

    @rule(old=names, new=names)
    def rename(self, old: str, new: str) -> None:
        if old not in self.model or new in self.model:
            return
        collection = self.model.pop(old)
        key = (TENANT, DATABASE, new)
        self.catalog.reserve(key)
        assert self.catalog.is_taken(key)
        lane = collection.lane
        self.catalog.rename(collection, new)
        self.model[new] = collection
        assert collection.lane == lane, "a collection keeps its lane for life"

    @rule(name=names)
    def give_a_renaming_up(self, name: str) -> None:
        self.catalog.reserve((TENANT, DATABASE, name))
        self.catalog.release((TENANT, DATABASE, name))

    @invariant()
    def it_knows_exactly_the_live_ones(self) -> None:
        assert {c.name: c.id for c in self.catalog.in_database(TENANT, DATABASE)} == {
            name: c.id for name, c in self.model.items()
        }
        for name, collection in self.model.items():
            key = (TENANT, DATABASE, name)
            assert self.catalog.by_name(key) is collection
            assert self.catalog.by_id(collection.id) is collection
            assert self.catalog.lane_of(key) == collection.lane
        for collection in self.gone:
            assert collection.deleted
            assert self.catalog.by_id(collection.id) is None


TestCatalogLaws = CatalogLaws.TestCase


def test_a_name_that_was_renamed_to_is_recreated_in_the_same_lane() -> None:
    catalog, key = Catalog(), (TENANT, DATABASE, "new")
    collection = Collection("1", TENANT, DATABASE, "old", "old")
    catalog.add(collection)
    catalog.rename(collection, "new")
    catalog.remember_lane(key, collection.lane)
    catalog.remove(collection)
    assert catalog.lane_of(key) == "old", "what is owed under that name comes first"
    assert catalog.lane_of((TENANT, DATABASE, "other")) == default_lane(TENANT, DATABASE, "other")


def _instance(name: str, threshold: int = 3) -> tuple[Instance, list[bool]]:
    changes: list[bool] = []
    instance = Instance(name, "http://127.0.0.1:1", threshold, 0.25, lambda i: changes.append(i.healthy))
    return instance, changes


def _healthy(name: str, threshold: int = 3) -> Instance:
    instance, _ = _instance(name, threshold)
    instance.succeeded(probe=True)
    assert instance.healthy
    return instance


@given(st.integers(0, 100), st.integers(1, 400))
def test_the_replicas_share_is_exact(percent: int, reads: int) -> None:
    primary, replica = _healthy("primary"), _healthy("replica")
    router = Router(Strategy.OPTIMIZED_READ_REPLICA, percent / 100)
    chosen = sum(router.choose([primary, replica]) is replica for _ in range(reads))
    assert chosen == percent * reads // 100


@pytest.mark.parametrize(("strategy", "share"), [(Strategy.PRIMARY_ONLY, 0), (Strategy.ROUND_ROBIN, 50)])
def test_the_other_strategies(strategy: Strategy, share: int) -> None:
    primary, replica = _healthy("primary"), _healthy("replica")
    router = Router(strategy, 0.8)
    assert sum(router.choose([primary, replica]) is replica for _ in range(100)) == share


def test_an_instance_under_suspicion_is_passed_over() -> None:
    primary, replica = _healthy("primary"), _healthy("replica")
    router = Router(Strategy.OPTIMIZED_READ_REPLICA, 1.0)
    replica.failed("refused", read=True)
    assert replica.healthy
    assert router.choose([primary, replica]) is primary
    primary.failed("refused", read=True)
    assert router.choose([primary, replica]) is replica, "when all are, the share decides again"
    assert router.choose([primary]) is primary


@pytest.mark.parametrize("threshold", [1, 2, 5])
def test_an_instance_falls_at_the_threshold_and_not_before(threshold: int) -> None:
    instance = _healthy("primary", threshold)
    for number in range(1, threshold + 1):
        assert instance.healthy
        instance.failed("refused", probe=True)
        assert instance.consecutive_failures == number
    assert not instance.healthy


def test_an_instance_rises_after_two_probes_and_by_probes_only() -> None:
    instance, changes = _instance("primary", 1)
    instance.succeeded(probe=True)
    instance.failed("refused")
    assert changes == [True, False]
    instance.succeeded()
    instance.succeeded(read=True)
    instance.succeeded(probe=True)
    instance.failed("refused", probe=True)
    instance.succeeded(probe=True)
    assert not instance.healthy, "the two have to follow each other"
    instance.succeeded(probe=True)
    assert changes == [True, False, True]
    assert instance.consecutive_failures == 0


def test_one_failure_flips_nothing_and_asks_for_a_probe() -> None:
    instance = _healthy("primary")
    instance.failed("reset")
    assert (instance.healthy, instance.trusted, instance.probe_wanted.is_set()) == (True, False, True)
    instance.succeeded()
    assert instance.trusted


def test_reads_that_succeed_do_not_hide_that_writes_fail() -> None:
    instance = _healthy("primary")
    for _ in range(3):
        instance.failed("500")
        instance.succeeded(read=True)
    assert not instance.healthy


def test_reads_that_succeed_forgive_reads_that_failed() -> None:
    instance = _healthy("primary")
    for _ in range(5):
        instance.failed("reset", read=True)
        instance.succeeded(read=True)
    assert instance.trusted


VALID = {
    "PORT": "8000",
    "PRIMARY_URL": "http://127.0.0.1:1/",
    "REPLICA_URL": "http://127.0.0.1:2",
    "DATABASE_URL": "postgresql://user:hunter2@127.0.0.1/db",
}
INVALID = [
    ("PORT", "0"),
    ("PORT", "http"),
    ("PORT", "65536"),
    ("PRIMARY_URL", "127.0.0.1:8000"),
    ("REPLICA_URL", "ftp://x"),
    ("LOAD_BALANCE_STRATEGY", "random"),
    ("READ_REPLICA_RATIO", "1.1"),
    ("READ_REPLICA_RATIO", "-0.1"),
    ("READ_REPLICA_RATIO", "80%"),
    ("CHECK_INTERVAL", "0"),
    ("FAILURE_THRESHOLD", "0"),
    ("FAILURE_THRESHOLD", "2.5"),
    ("REQUEST_TIMEOUT", "-1"),
    ("MAX_CONCURRENT_REQUESTS", "0"),
    ("REQUEST_QUEUE_SIZE", "-1"),
    ("SYNC_MODE", "classic"),
    ("WAL_SYNC_INTERVAL", "soon"),
    ("DEFAULT_BATCH_SIZE", "0"),
    ("MAX_BATCH_SIZE", "many"),
    ("MAX_MEMORY_MB", "0"),
    ("MEMORY_THRESHOLD_PERCENT", "101"),
    ("CPU_THRESHOLD_PERCENT", "0"),
    ("RESOURCE_CHECK_INTERVAL", "0"),
]


def _set(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    for name, value in (VALID | more).items():
        monkeypatch.setenv(name, value)


def test_the_defaults_are_the_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch)
    settings = Settings()
    assert settings.primary_url == "http://127.0.0.1:1"
    assert (settings.load_balance_strategy, settings.read_replica_ratio) == (Strategy.OPTIMIZED_READ_REPLICA, 0.8)


@pytest.mark.parametrize(("name", "value"), INVALID)
def test_an_invalid_variable_is_one_line_with_name_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    _set(monkeypatch, **{name: value})
    with pytest.raises(ValidationError) as caught:
        Settings()
    lines = mistakes(caught.value)
    assert len(lines) == 1
    assert lines[0].startswith(f"{name}: {value!r} is not allowed; allowed is ")
    assert "\n" not in lines[0]


@pytest.mark.parametrize("name", sorted(VALID))
def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _set(monkeypatch)
    monkeypatch.delenv(name)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert mistakes(caught.value) == [f"{name} is not set; it is required"]


@pytest.mark.parametrize(
    ("name", "value"), [("DATABASE_URL", "mysql://u:hunter2@h/d"), ("SLACK_WEBHOOK_URL", "hooks.example/hunter2")]
)
def test_a_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    _set(monkeypatch, **{name: value})
    with pytest.raises(ValidationError) as caught:
        Settings()
    (line,) = mistakes(caught.value)
    assert line.startswith(f"{name}: the value given is not allowed")
    assert "hunter2" not in line


def test_several_mistakes_are_several_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, PORT="x", SYNC_MODE="y")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert [line.split(":")[0] for line in mistakes(caught.value)] == ["PORT", "SYNC_MODE"]


def test_the_instances_must_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, REPLICA_URL=VALID["PRIMARY_URL"])
    with pytest.raises(ValidationError) as caught:
        Settings()
    given = VALID["PRIMARY_URL"]
    assert mistakes(caught.value) == [
        f"REPLICA_URL: {given!r} is not allowed; allowed is another instance than PRIMARY_URL"
    ]


def test_equal_instances_are_told_beside_all_other_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"CHECK_INTERVAL": "0", "SYNC_MODE": "y", "MAX_MEMORY_MB": "x", "DEFAULT_BATCH_SIZE": "2000"}
    _set(monkeypatch, REPLICA_URL="http://127.0.0.1:1", **wrong)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert {line.split(":")[0] for line in mistakes(caught.value)} == {"REPLICA_URL", *wrong}


@pytest.mark.parametrize(
    "value",
    [
        *(
            "http://",
            "http:///v2",
            "http://:80",
            "http://127.0.0.1:0",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:abc",
        ),
        *("http://[::1", "http://a..b", f"http://{'a' * 64}.org", "http://a b", "http://user:S3cr/et@host"),
        "ftp://user:hunter2@host",
    ],
)
def test_an_address_without_a_host_or_with_a_port_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    _set(monkeypatch, PRIMARY_URL=value, SLACK_WEBHOOK_URL=value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    lines = mistakes(caught.value)
    assert [line.split(":")[0] for line in lines] == ["PRIMARY_URL", "SLACK_WEBHOOK_URL"]
    assert all("from 1 to 65535" in line for line in lines)
    assert not any(secret in "".join(lines) for secret in ("hunter2", "S3cr", "et@"))


@pytest.mark.parametrize(
    "dsn",
    [
        *("postgresql://u:S3cr/et@h/d", "postgresql://u:S3cr#et@h/d", "postgresql://u:123/S3cr@h/d"),
        *("postgresql://u:S3cr@h:99999/d", "postgresql://u:S3cr@/d", "postgresql://u:S3cr@h:1,k:x/d"),
    ],
)
def test_a_database_address_that_is_none_is_refused_without_a_part_of_its_password(
    monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    _set(monkeypatch, DATABASE_URL=dsn)
    monkeypatch.setenv("BALANCER_URL", "http://127.0.0.1:3")
    monkeypatch.setenv("STACK_STATE", "/tmp/state.json")
    for kind in (Settings, CoordinatorSettings, WorkerSettings, MonitorSettings):
        with pytest.raises(ValidationError) as caught:
            kind()
        (line,) = mistakes(caught.value)
        assert line.startswith("DATABASE_URL: the value given is not allowed; allowed is a postgresql:// URL")
        assert "S3cr" not in line


@pytest.mark.parametrize(
    "dsn", ["postgresql://u:p%2Fw@h/d", "postgres://h:5432", "postgresql://h:1,k:2/d", "postgresql:///d?host=/run"]
)
def test_a_database_address_that_is_one_is_taken(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    _set(monkeypatch, DATABASE_URL=dsn)
    assert Settings().database_url == dsn


def test_a_threshold_below_the_lower_one_is_shown_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, BACKLOG_HIGH_THRESHOLD="10", BALANCER_URL="http://h:3", STACK_STATE="/tmp/s", PORT="x")
    with pytest.raises(ValidationError) as caught:
        MonitorSettings()
    assert mistakes(caught.value)[1:] == [
        "BACKLOG_HIGH_THRESHOLD: '10' is not allowed; allowed is at least BACKLOG_THRESHOLD, 1000"
    ]


def test_a_heartbeat_that_comes_too_seldom_is_shown_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, SYNC_HEARTBEAT_TIMEOUT="4")
    with pytest.raises(ValidationError) as caught:
        WorkerSettings()
    assert mistakes(caught.value) == [
        "SYNC_HEARTBEAT_INTERVAL: 5.0 is not allowed; allowed is less than SYNC_HEARTBEAT_TIMEOUT, 4"
    ]


def _entry(**fields: Any) -> Entry:
    operation = Operation(Action.ADD, "POST", "/", "t", "d", "c", "add")
    return Entry(operation, b"{}", "lane", None, "c", None, **fields)


BOTH, ONE = {"primary", "replica"}, {"replica"}


@pytest.mark.parametrize(
    ("fields", "log", "transaction"),
    [
        ({}, "pending", "ATTEMPTING"),
        ({"refused": True}, "pending", "ATTEMPTING"),
        ({"state": State.EXECUTED, "applied": ONE}, "executed", "COMPLETED"),
        ({"state": State.EXECUTED, "applied": BOTH}, "synced", "COMPLETED"),
        ({"state": State.EXECUTED, "applied": BOTH, "refused": True}, "synced", "RECOVERED"),
        ({"state": State.EXECUTED, "applied": ONE, "failed_on": {"primary"}}, "failed", "COMPLETED"),
        ({"state": State.REJECTED}, "rejected", "FAILED"),
        ({"state": State.REJECTED, "refused": True}, "rejected", "ABANDONED"),
        ({"state": State.ABANDONED, "refused": True}, "failed", "ABANDONED"),
    ],
)
def test_what_an_entry_is_in_the_tables(fields: dict[str, Any], log: str, transaction: str) -> None:
    entry = _entry(**fields)
    assert (entry.log_status(2), entry.transaction_status) == (log, transaction)


def test_only_effects_that_are_there_are_completed() -> None:
    for state in State:
        for refused in (False, True):
            entry = _entry(state=state, refused=refused)
            assert (entry.transaction_status in ("COMPLETED", "RECOVERED")) == (state is State.EXECUTED)


async def _two_answers() -> int | None:
    entry = _entry(reply=asyncio.get_running_loop().create_future())
    entry.answer(Reply(201, b"{}"))
    entry.answer(Reply(500, b"{}"))
    return entry.response_status


def test_the_first_answer_counts() -> None:
    assert asyncio.run(_two_answers()) == 201


def _resources(monkeypatch: pytest.MonkeyPatch, **more: str) -> Resources:
    _set(monkeypatch, **more)
    return Resources(Settings())


def test_the_batch_shrinks_under_pressure_and_grows_back(monkeypatch: pytest.MonkeyPatch) -> None:
    resources = _resources(monkeypatch, MAX_MEMORY_MB="100", DEFAULT_BATCH_SIZE="8", MEMORY_THRESHOLD_PERCENT="50")
    used = 60 * 1024 * 1024
    fake = SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=used), cpu_percent=lambda: 1.0)
    monkeypatch.setattr(resources, "_process", cast(psutil.Process, fake))
    sizes = []
    for _ in range(5):
        resources.sample()
        sizes.append(resources.batch_size)
    assert sizes == [4, 2, 1, 1, 1]
    assert (resources.memory_pressure_events, resources.memory_percent) == (5, 60.0)
    used = 10 * 1024 * 1024
    for _ in range(5):
        resources.sample()
    assert (resources.batch_size, resources.memory_pressure_events) == (8, 5)


@pytest.mark.parametrize(
    ("used_mb", "expected"),
    [(10, 40 * 1024 * 1024 // PART_OF_FREE), (49, LEAST_BYTES), (90, LEAST_BYTES)],
    ids=["much is free", "little is free", "none is free"],
)
def test_the_bytes_of_a_batch_follow_the_free_memory(
    monkeypatch: pytest.MonkeyPatch, used_mb: int, expected: int
) -> None:
    resources = _resources(monkeypatch, MAX_MEMORY_MB="100", MEMORY_THRESHOLD_PERCENT="50")
    fake = SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=used_mb * 1024 * 1024), cpu_percent=lambda: 1.0)
    monkeypatch.setattr(resources, "_process", cast(psutil.Process, fake))
    resources.sample()
    assert resources.batch_bytes == expected


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("name", ["READ_REPLICA_RATIO", "CHECK_INTERVAL", "CPU_THRESHOLD_PERCENT"])
def test_a_number_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    _set(monkeypatch, **{name: value})
    with pytest.raises(ValidationError) as raised:
        Settings()
    assert mistakes(raised.value) == [f"{name}: {value!r} is not allowed; allowed is a finite number"]


@pytest.mark.parametrize("given", [{"DEFAULT_BATCH_SIZE": "1001"}, {"MAX_BATCH_SIZE": "100"}])
def test_a_usual_batch_above_the_largest_is_refused(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    _set(monkeypatch, **given)
    with pytest.raises(ValidationError) as caught:
        Settings()
    (line,) = mistakes(caught.value)
    assert line.startswith("DEFAULT_BATCH_SIZE: ")
    assert line.endswith(f" is not allowed; allowed is at most MAX_BATCH_SIZE, {given.get('MAX_BATCH_SIZE', '1000')}")


def test_the_batch_grows_with_a_backlog_while_memory_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, MAX_MEMORY_MB="400", DEFAULT_BATCH_SIZE="8", MAX_BATCH_SIZE="50", MEMORY_THRESHOLD_PERCENT="50")
    owed, used_mb = 8, 10
    resources = Resources(Settings(), lambda: owed)
    fake = SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=used_mb * 1024 * 1024), cpu_percent=lambda: 1.0)
    monkeypatch.setattr(resources, "_process", cast(psutil.Process, fake))

    def sizes(number: int) -> list[int]:
        found = []
        for _ in range(number):
            resources.sample()
            found.append(resources.batch_size)
        return found

    assert sizes(2) == [8, 8]  # one request is enough for what is owed
    owed = 9
    assert sizes(4) == [16, 32, 50, 50]
    used_mb = 190  # below the threshold, and not much is free
    assert sizes(1) == [8]
    used_mb = 10
    assert sizes(2) == [16, 32]
    used_mb = 210
    assert sizes(2) == [16, 8]
    used_mb, owed = 10, 0
    assert sizes(2) == [8, 8]


class _Session:
    """Stands for a session with PostgreSQL that has to be waited for; things happen meanwhile."""

    def __init__(self) -> None:
        self.meanwhile: list[Any] = []
        self.marked: list[dict[int, str]] = []

    def acquire(self, timeout: float) -> _Session:
        return self

    def transaction(self) -> _Session:
        return self

    async def __aenter__(self) -> _Session:
        await asyncio.sleep(0)
        while self.meanwhile:
            self.meanwhile.pop(0)()
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def execute(self, sql: str, *columns: Any, timeout: float) -> None:
        if sql == statements.UPDATE_ROWS:
            self.marked.append(dict(zip(columns[0], columns[1], strict=True)))


def test_a_row_is_never_marked_before_one_that_was_applied_before_it() -> None:
    async def flush_while_rows_are_applied() -> list[dict[int, str]]:
        session = _Session()
        journal = Journal("", ["primary", "replica"], lambda _: None, 1.0)
        cast(Any, journal)._pool = session
        earlier, later = (_executed_row(seq) for seq in (1, 2))

        def apply() -> None:
            for entry in (earlier, later):
                entry.applied.add("replica")
                journal.changed(entry)

        # The first one is written already; the second one has just been executed, and its mark is on its way.
        journal.changed(later)
        session.meanwhile.append(apply)
        await journal._write_marks()
        await journal._write_marks()
        return session.marked

    assert asyncio.run(flush_while_rows_are_applied()) == [{2: "executed"}, {1: "synced", 2: "synced"}]


def _executed_row(seq: int) -> Entry:
    """Return a row that the primary has executed."""
    entry = Entry(Operation(Action.UPSERT, "POST", "/upsert"), b"{}", "lane", None, None, None, seq=seq)
    entry.state, entry.executed_on, entry.applied = State.EXECUTED, "primary", {"primary"}
    return entry
