"""Check keywords that fail on constructed deployments, each with the message that a release manager would read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from honest_deployment import START, Run, holding
from robot.utils import printable_name
from stage import INSTANCES, HurriedClock, Stage

from ChromaLibrary import ChromaLibrary
from ConfigurationLibrary import ConfigurationLibrary
from FaultLibrary import FaultLibrary
from LoadBalancerLibrary import LoadBalancerLibrary
from MonitorLibrary import MonitorLibrary
from PostgresLibrary import PostgresLibrary
from RenderLibrary import RenderLibrary
from signoff.checkers.judging import judge_history
from signoff.checks import (
    alerts,
    catching_up,
    configuration,
    cost,
    detection,
    health,
    load,
    real_channel,
    schema,
    staleness,
    sync_tasks,
)
from signoff.clients.alerts import Message, Notice
from signoff.clients.balancer import CollectionMapping, Health, InstanceStatus, Status
from signoff.clients.client import Write
from signoff.clients.database import LogRow, Measurement, Recommendation, SyncTask, SyncWorker, Transaction
from signoff.clients.instances import CollectionInfo
from signoff.clients.render import Service
from signoff.clients.wire import Reply
from signoff.data_types import Concern, Role, Urgency
from signoff.documents import Document, by_id, make_documents, rewritten
from signoff.faults import control_plane, processes
from signoff.history import Action, FaultEvent, FaultKind, History, Probe, Result
from signoff.history import Limits as HistoryLimits
from signoff.history import Stage as Stages
from signoff.ledger import Change, Kind
from signoff.outcomes import Effect
from signoff.traffic import distribution
from SlackLibrary import SlackLibrary
from SyncLibrary import SyncLibrary
from WorkloadLibrary import WorkloadLibrary

Scene = Callable[[Stage], None]
SCENES: dict[str, Scene] = {}

NAME = "orders-7"
NOON = datetime(2026, 3, 1, 12, 0, 0).astimezone()
SECOND = timedelta(seconds=1)
DOCUMENTS = make_documents("doc", 6, token="t1")
IDS = {
    "primary": "3f8a1c9e-0000-4000-8000-000000000001",
    "replica": "3f8a1c9e-0000-4000-8000-000000000002",
}


def scene(library: type, keyword: str) -> Callable[[Scene], Scene]:
    """Note what makes a keyword fail; it is named as it is in Python."""

    def note(play: Scene) -> Scene:
        assert hasattr(library, keyword), keyword
        called = getattr(library, keyword).robot_name or printable_name(keyword, True)
        SCENES[f"{library.__name__}.{called}"] = play
        return play

    return note


# ---------------------------------------------------------------- what stands on the stage


def status(**changes: Any) -> Status:
    """A healthy status of the balancer, unless changed; ``unhealthy`` names the instances that are not."""
    away = changes.pop("unhealthy", ())
    instances = {
        role: InstanceStatus(role, role not in away, 0, 0, datetime.now().astimezone(), 0) for role in INSTANCES
    }
    healthy = Status(
        *("optimized_read_replica", "distributed", 0.8, 60.0, "1.0", 2 - len(away), 2, instances),
        *(0, 0, 0.0, 100, 20.0, 5.0, 0),
    )
    return replace(healthy, **changes)


def says(stage: Stage, answer: Status, http: Health | None = None) -> None:
    """Let the balancer say this of itself."""
    stage.bed.balancer.status = lambda: answer
    stage.bed.balancer.health = lambda: http or Health(200, "healthy", answer.healthy_instances, 2, 0.004)


def holds(stage: Stage, documents: Mapping[str, list[Document]]) -> None:
    """Let each place hold these documents of the collection, in which all six were acknowledged."""
    stage.knows(NAME).ledger.note([Change.of(Kind.ADD, one) for one in DOCUMENTS], Effect.DONE)
    places = {place: SimpleNamespace(read_documents=lambda _, own=own: by_id(own)) for place, own in documents.items()}
    stage.bed.instance = places.__getitem__
    stage.bed.through_balancer = places.get("balancer")


def a_write(number: int, code: int = 201, took: float = 0.1, headers: dict[str, str] | None = None) -> Write:
    document = DOCUMENTS[number % len(DOCUMENTS)]
    reply = Reply("the balancer", code, headers or {}, b'{"error": "busy"}' if code >= 400 else b"{}")
    return Write(
        *(f"burst-7/{number}", "add", NAME, (document,), "POST", f"/c/{NAME}/add", '{"ids": ["x"]}'),
        *(0.0, took, NOON, reply),
    )


def a_row(number: int, **changes: Any) -> LogRow:
    row = LogRow(
        *(f"w{number}", number, "POST", f"/c/{NAME}/add", "{}", "synced", INSTANCES["primary"]),
        *(NOON, NOON + 0.1 * SECOND, NOON + 0.4 * SECOND, None),
    )
    return replace(row, **changes)


def a_transaction(write: Write, **changes: Any) -> Transaction:
    row = Transaction(
        *(f"t-{write.session}", write.session, write.method, write.path, write.body, "COMPLETED", None),
        *(write.status, NOON, NOON),
    )
    return replace(row, **changes)


def a_task(number: int, **changes: Any) -> SyncTask:
    task = SyncTask(
        *(number, INSTANCES["replica"], 1000 * (number - 1), 1000 * number, "completed", "worker-1", 0, None),
        *(NOON, NOON + SECOND, NOON + 2 * SECOND),
    )
    return replace(task, **changes)


def a_worker(name: str = "worker-1", state: str = "active", age: float = 0.5) -> SyncWorker:
    return SyncWorker(name, state, NOON, None, age)


def a_message(notice: Notice, role: str, after: float, taken: bool = True) -> Message:
    words = {Notice.ALERT: "is down", Notice.RECOVERY: "is back"}[notice]
    text = f"{INSTANCES[role]} {words}"
    return Message(
        NOON + after * SECOND, 200 if taken else 500, notice, frozenset({role}), text, f'{{"text": "{text}"}}'
    )


def log_has(stage: Stage, *rows: LogRow) -> None:
    stage.knows(NAME)
    stage.bed.database.log_rows = lambda _: list(rows)


def wrote(stage: Stage, *writes: Write, rows: list[Transaction] | None = None) -> None:
    stage.bed.writes = lambda _="": list(writes)
    stage.bed.database.transactions = lambda _: rows or []


# ---------------------------------------------------------------- ChromaLibrary


@scene(ChromaLibrary, "collection_should_hold_exactly_what_was_acknowledged")
def a_document_is_lost_and_one_is_mangled(stage: Stage) -> None:
    mangled = replace(DOCUMENTS[3], text="something else")
    holds(stage, {"primary": DOCUMENTS, "replica": [*DOCUMENTS[:2], mangled, *DOCUMENTS[4:]]})
    ChromaLibrary().collection_should_hold_exactly_what_was_acknowledged(NAME)


@scene(ChromaLibrary, "collection_should_keep_holding_what_was_acknowledged")
def a_deleted_document_comes_back(stage: Stage) -> None:
    holds(stage, {"primary": DOCUMENTS, "replica": DOCUMENTS})
    stage.bed.tracked(NAME).ledger.note([Change(Kind.DELETE, DOCUMENTS[2].id)], Effect.DONE)
    ChromaLibrary().collection_should_keep_holding_what_was_acknowledged(NAME)


@scene(ChromaLibrary, "adding_again_should_change_nothing")
def adding_again_changes_a_document(stage: Stage) -> None:
    changed = [rewritten(DOCUMENTS[0], "t2"), *DOCUMENTS[1:]]
    log_has(stage, a_row(1), a_row(2))
    holds(stage, {"balancer": changed, "primary": changed, "replica": changed})
    stage.bed.write_with_client = lambda *_: SimpleNamespace(effect=Effect.DONE)
    ChromaLibrary().adding_again_should_change_nothing(NAME)


@scene(ChromaLibrary, "state_should_be_as_remembered")
def the_saved_state_has_changed(stage: Stage) -> None:
    holds(stage, {"primary": DOCUMENTS, "replica": DOCUMENTS[1:]})
    library = ChromaLibrary()
    library._remembered[NAME] = {role: by_id(DOCUMENTS) for role in INSTANCES}
    library.state_should_be_as_remembered(NAME)


@scene(ChromaLibrary, "collection_should_exist_once_on_each_instance")
def a_collection_is_missing_on_the_replica(stage: Stage) -> None:
    stage.knows(NAME)
    info = CollectionInfo(NAME, IDS["primary"], None, {}, None)
    places = {
        "primary": SimpleNamespace(list_collections=lambda: [info], uuid_of=lambda _: info.id),
        "replica": SimpleNamespace(list_collections=list),
    }
    stage.bed.instance = places.__getitem__
    ChromaLibrary().collection_should_exist_once_on_each_instance(NAME)


def _is_there(stage: Stage) -> None:
    stage.knows(NAME)
    gone = SimpleNamespace(has_collection=lambda _: False, list_collections=list)
    there = SimpleNamespace(
        has_collection=lambda _: True, list_collections=lambda: [CollectionInfo(NAME, IDS["replica"], None, {}, None)]
    )
    stage.bed.instance = {"primary": gone, "replica": there}.__getitem__
    stage.bed.through_balancer = gone


@scene(ChromaLibrary, "collection_should_be_absent_everywhere")
def a_deleted_collection_is_still_there(stage: Stage) -> None:
    _is_there(stage)
    ChromaLibrary().collection_should_be_absent_everywhere(NAME)


@scene(ChromaLibrary, "collection_should_stay_absent")
def a_deleted_collection_comes_back(stage: Stage) -> None:
    _is_there(stage)
    ChromaLibrary().collection_should_stay_absent(NAME)


@scene(ChromaLibrary, "collection_ids_should_be_fresh")
def an_id_is_used_again(stage: Stage) -> None:
    stage.knows(NAME).earlier_ids = {IDS["replica"]}
    infos = {role: CollectionInfo(NAME, id, None, {}, None) for role, id in IDS.items()}
    stage.bed.own_ids = lambda _: infos
    stage.bed.through_balancer = SimpleNamespace(uuid_of=lambda _: "b1")
    ChromaLibrary().collection_ids_should_be_fresh(NAME)


@scene(ChromaLibrary, "each_write_should_have_been_acknowledged")
def two_writes_are_refused(stage: Stage) -> None:
    wrote(stage, a_write(1), a_write(2, 503), a_write(3, 503))
    ChromaLibrary().each_write_should_have_been_acknowledged("burst-7")


@scene(ChromaLibrary, "each_write_should_have_been_quick")
def a_write_is_slow(stage: Stage) -> None:
    wrote(stage, a_write(1), a_write(2, took=3.2))
    ChromaLibrary().each_write_should_have_been_quick("burst-7")


@scene(ChromaLibrary, "overload_should_be_refused_in_time")
def a_refusal_says_too_little(stage: Stage) -> None:
    wrote(stage, a_write(1), a_write(2, 503), a_write(3, 503, headers={"x-effect": "none"}), a_write(4, took=12.0))
    ChromaLibrary().overload_should_be_refused_in_time("burst-7")


@scene(ChromaLibrary, "refusals_should_be_quick_and_without_effect")
def a_write_is_taken_and_a_refusal_is_silent(stage: Stage) -> None:
    wrote(stage, a_write(1, 503, headers={"x-effect": "none"}), a_write(2, 503), a_write(3))
    ChromaLibrary().refusals_should_be_quick_and_without_effect("burst-7")


@scene(ChromaLibrary, "owed_documents_should_be_in_sync_within")
def an_owed_document_comes_late(stage: Stage) -> None:
    stage.measures(catching_up, "lags", distribution([0.8] * 490 + [7.31] * 10))
    ChromaLibrary().owed_documents_should_be_in_sync_within(NAME, Role.REPLICA)


@scene(ChromaLibrary, "sync_lag_should_be_within")
def a_document_syncs_late(stage: Stage) -> None:
    stage.measures(load, "sync_lags", distribution([0.2, 0.4, 7.31]))
    ChromaLibrary().sync_lag_should_be_within(NAME)


@scene(ChromaLibrary, "write_rate_should_be_at_least")
def writes_are_slow(stage: Stage) -> None:
    stage.measures(load, "write_rate", 31.46)
    ChromaLibrary().write_rate_should_be_at_least(NAME, clients=8)


@scene(ChromaLibrary, "query_rate_should_be_at_least")
def queries_are_slow(stage: Stage) -> None:
    stage.measures(load, "query_rate", (88.2, 2))
    ChromaLibrary().query_rate_should_be_at_least(NAME, clients=1)


# ---------------------------------------------------------------- LoadBalancerLibrary


@scene(LoadBalancerLibrary, "health_should_be_complete")
def the_status_calls_the_replica_unhealthy(stage: Stage) -> None:
    stage.bed.database.clock_offset = lambda: timedelta(milliseconds=-3)
    says(stage, status(unhealthy=["replica"]), Health(503, "degraded", 1, 2, 0.004))
    LoadBalancerLibrary().health_should_be_complete()


@scene(LoadBalancerLibrary, "health_should_be_degraded")
def an_outage_leaves_health_as_it_was(stage: Stage) -> None:
    says(stage, status())
    LoadBalancerLibrary().health_should_be_degraded()


@scene(LoadBalancerLibrary, "both_instances_should_be_healthy")
def an_instance_is_called_unhealthy(stage: Stage) -> None:
    stage.measures(health, "direct_findings", ["the replica does not answer: connection refused"])
    says(stage, status(unhealthy=["replica"]))
    LoadBalancerLibrary().both_instances_should_be_healthy()


@scene(LoadBalancerLibrary, "health_should_answer_within")
def health_answers_slowly(stage: Stage) -> None:
    stage.measures(health, "response_times", distribution([0.01] * 45 + [0.31] * 5))
    LoadBalancerLibrary().health_should_answer_within()


@scene(LoadBalancerLibrary, "strategy_should_be_configured")
def the_strategy_is_another_one(stage: Stage) -> None:
    says(stage, status(strategy="primary_only"))
    LoadBalancerLibrary().strategy_should_be_configured()


@scene(LoadBalancerLibrary, "healthy_instances_should_be")
def an_outage_is_not_told(stage: Stage) -> None:
    says(stage, status())
    LoadBalancerLibrary().healthy_instances_should_be(1)


@scene(LoadBalancerLibrary, "status_should_have_been_true")
def the_status_was_untrue(stage: Stage) -> None:
    library = LoadBalancerLibrary()
    seen = health.Watched(
        *([2, 1, 2], 4.2, 5.0, ["0 writes pending, and the log has 12"], True),
        *(12, 900, 1800),
    )
    library._watch = SimpleNamespace(stop=lambda: seen)  # type: ignore[assignment]
    library.status_should_have_been_true()


@scene(LoadBalancerLibrary, "old_heartbeat_should_answer")
def the_old_heartbeat_is_gone(stage: Stage) -> None:
    reply = Reply("the balancer", 404, {}, b'{"detail": "Not Found"}')
    stage.bed.balancer.old_heartbeat = lambda: reply
    LoadBalancerLibrary().old_heartbeat_should_answer()


def _gauges(stage: Stage, shown: int, owed: int) -> None:
    says(stage, status(pending_writes=shown))
    stage.bed.balancer.pending_in_wal_status = lambda: shown
    stage.bed.balancer.pending_in_metrics = lambda: shown
    stage.bed.database.owed_rows = lambda: owed


@scene(LoadBalancerLibrary, "pending_writes_should_be_shown_everywhere")
def the_gauges_are_blind(stage: Stage) -> None:
    _gauges(stage, 0, 12)
    LoadBalancerLibrary().pending_writes_should_be_shown_everywhere(12)


@scene(LoadBalancerLibrary, "pending_writes_should_be_zero")
def something_is_still_owed(stage: Stage) -> None:
    _gauges(stage, 3, 3)
    LoadBalancerLibrary().pending_writes_should_be_zero()


# ---------------------------------------------------------------- PostgresLibrary


@scene(PostgresLibrary, "log_should_hold_exactly")
def a_write_is_not_logged(stage: Stage) -> None:
    log_has(stage, *(a_row(number) for number in range(19)))
    PostgresLibrary().log_should_hold_exactly(NAME, 20)


@scene(PostgresLibrary, "log_rows_should_be_synced")
def a_row_is_not_synced(stage: Stage) -> None:
    log_has(stage, a_row(1), a_row(2, status="executed", synced_at=None))
    PostgresLibrary().log_rows_should_be_synced(NAME)


@scene(PostgresLibrary, "log_should_show_execution_on")
def a_write_was_executed_elsewhere(stage: Stage) -> None:
    log_has(stage, a_row(1), a_row(2, executed_on=INSTANCES["replica"]))
    PostgresLibrary().log_should_show_execution_on(Role.REPLICA, NAME, at_least=2)


@scene(PostgresLibrary, "no_log_row_should_have_failed")
def a_row_has_failed(stage: Stage) -> None:
    log_has(stage, a_row(1), a_row(2, status="failed", error_message="the replica answered with 500"))
    PostgresLibrary().no_log_row_should_have_failed(NAME)


@scene(PostgresLibrary, "mapping_should_be_complete")
def a_mapping_lacks_the_replica(stage: Stage) -> None:
    half = CollectionMapping(NAME, IDS["primary"], None)
    infos = {role: CollectionInfo(NAME, id, None, {}, None) for role, id in IDS.items()}
    stage.knows(NAME)
    stage.bed.own_ids = lambda _: infos
    stage.bed.balancer.mappings = lambda: [half]
    stage.bed.database.mapping = lambda _: [half]
    PostgresLibrary().mapping_should_be_complete(NAME)


@scene(PostgresLibrary, "mapping_row_should_be_gone")
def a_mapping_row_stays(stage: Stage) -> None:
    row = CollectionMapping(NAME, IDS["primary"], IDS["replica"])
    stage.knows(NAME)
    stage.bed.balancer.mappings = lambda: [row]
    stage.bed.database.mapping = lambda _: [row]
    PostgresLibrary().mapping_row_should_be_gone(NAME)


@scene(PostgresLibrary, "own_transactions_should_number")
def a_transaction_is_missing(stage: Stage) -> None:
    writes = [a_write(number) for number in range(15)]
    wrote(stage, *writes, rows=[a_transaction(write) for write in writes[1:]])
    PostgresLibrary().own_transactions_should_number("burst-7", 15)


@scene(PostgresLibrary, "each_write_should_be_logged_once")
def a_write_has_no_transaction(stage: Stage) -> None:
    writes = [a_write(1), a_write(2), a_write(3)]
    rows = [a_transaction(writes[0]), a_transaction(writes[2], status="ATTEMPTING")]
    wrote(stage, *writes, rows=rows)
    PostgresLibrary().each_write_should_be_logged_once("burst-7")


@scene(PostgresLibrary, "each_refusal_should_be_accounted_for")
def a_receipt_is_false(stage: Stage) -> None:
    log_has(stage, a_row(2), a_row(3))
    holds(stage, {"primary": DOCUMENTS[2:], "replica": DOCUMENTS[2:]})
    refused = a_write(1, 503)
    wrote(stage, refused, rows=[a_transaction(refused)])
    PostgresLibrary().each_refusal_should_be_accounted_for("burst-7")


@scene(PostgresLibrary, "no_refused_write_should_be_claimed_done")
def a_refused_write_is_claimed_done(stage: Stage) -> None:
    refused = a_write(1, 503)
    wrote(stage, refused, rows=[a_transaction(refused)])
    PostgresLibrary().no_refused_write_should_be_claimed_done("burst-7")


@scene(PostgresLibrary, "table_should_have_columns")
def a_column_is_missing(stage: Stage) -> None:
    stage.bed.database.columns = lambda _: {"write_id": "uuid"}
    PostgresLibrary().table_should_have_columns("unified_wal_writes", "write_id", "executed_on")


@scene(PostgresLibrary, "schema_should_be_complete")
def a_table_and_a_type_are_wrong(stage: Stage) -> None:
    column = schema.Column(("uuid", "text"), None)
    stage.measures(schema, "contract_tables", {"sync_tasks": {"id": column}, "sync_workers": {"id": column}})
    stage.bed.database.columns = {"sync_tasks": {"id": "bytea"}, "sync_workers": {}}.__getitem__
    PostgresLibrary().schema_should_be_complete()


@scene(PostgresLibrary, "tables_should_take_rows")
def a_table_gives_another_row_back(stage: Stage) -> None:
    column = schema.Column(("text",), "x")
    stage.measures(schema, "contract_tables", {"sync_tasks": {"id": column, "task_status": column}})
    stage.bed.database.try_out = lambda *_: {"id": "x", "task_status": "y"}
    stage.bed.database.holds = lambda *_: True
    PostgresLibrary().tables_should_take_rows()


# ---------------------------------------------------------------- RenderLibrary


def _services(stage: Stage) -> None:
    prices = cost.Prices(NOON.date(), "", {"standard": 25.0}, {"basic": cost.DatabasePlan(19.0, 10.0)})
    stage.measures(cost, "load_prices", prices)
    services = {
        "balancer": Service("s1", "balancer", "services", False, "standard", 2),
        "postgres": Service("s2", "postgres", "postgres", False, "basic", 1),
    }
    stage.bed.render = SimpleNamespace(roles=list(services), service=services.__getitem__)


@scene(RenderLibrary, "plans_should_cost_no_more_than_the_budget")
def the_plans_cost_too_much(stage: Stage) -> None:
    _services(stage)
    RenderLibrary().plans_should_cost_no_more_than_the_budget()


@scene(RenderLibrary, "database_should_fit_its_plan")
def the_database_is_too_large(stage: Stage) -> None:
    _services(stage)
    stage.bed.database.size = lambda: 12_300_000_000
    RenderLibrary().database_should_fit_its_plan()


# ---------------------------------------------------------------- FaultLibrary


@scene(FaultLibrary, "detection_should_follow_its_settings")
def an_outage_is_noticed_late(stage: Stage) -> None:
    stage.measures(detection, "measure", detection.Detected((1.4, 2.9), 1.0, 2.0, 7))
    FaultLibrary().detection_should_follow_its_settings()


@scene(FaultLibrary, "reads_should_never_be_stale")
def a_read_is_stale(stage: Stage) -> None:
    reads = [staleness.Read("flapping-0003", 0.01 * number, 19, 19, query=not number % 10) for number in range(3999)]
    stale = staleness.Read("flapping-0003", 40.0, 17, 19)
    returns = [
        staleness.Window(role, 8.0 * number, 8.0 * number + 0.8)
        for number, role in enumerate(("replica", "primary") * 2, 1)
    ]
    stage.measures(staleness, "flap", staleness.Flapping([*reads, stale], 900, returns, 4))
    FaultLibrary().reads_should_never_be_stale()


@scene(FaultLibrary, "phases_should_have_been_timed")
def no_fault_was_made(stage: Stage) -> None:
    FaultLibrary().phases_should_have_been_timed()


# ---------------------------------------------------------------- ConfigurationLibrary


@scene(ConfigurationLibrary, "mode_should_be_configured")
def the_mode_is_another_one(stage: Stage) -> None:
    stage.measures(configuration, "setting", "distributed")
    says(stage, status(mode="traditional"))
    ConfigurationLibrary().mode_should_be_configured()


@scene(ConfigurationLibrary, "memory_should_be_measured")
def the_memory_is_made_up(stage: Stage) -> None:
    stage.measures(configuration, "setting", "400")
    stage.measures(configuration, "resident_mb", 120.0)
    says(stage, status(memory_percent=12.0))
    ConfigurationLibrary().memory_should_be_measured()


@scene(ConfigurationLibrary, "tasks_should_be_of_the_configured_mode")
def the_backlog_is_cut_in_spite_of_the_mode(stage: Stage) -> None:
    stage.measures(configuration, "setting", "traditional")
    tasks = [a_task(1), a_task(2), a_task(3)]
    stage.bed.database.sync_tasks = lambda _: tasks
    stage.bed.database.all_sync_tasks = lambda: len(tasks)
    ConfigurationLibrary().tasks_should_be_of_the_configured_mode(NAME)


# ---------------------------------------------------------------- MonitorLibrary


def _measured(stage: Stage, *rows: Measurement) -> None:
    stage.bed.database.now = lambda: NOON
    stage.bed.database.measurements = lambda _: list(rows)


ZEROS = Measurement(NOON, 0.0, 0.0, 0.0, 2, 40, 0.1)
BUSY = Measurement(NOON, 180.0, 45.0, 12.0, 2, 40, 0.1)
ADVICE = Recommendation(NOON, "memory", 45.0, "standard", Decimal(25), "memory is used to 45 %", "medium")


@scene(MonitorLibrary, "measurements_should_keep_coming")
def the_measurements_are_zeros(stage: Stage) -> None:
    _measured(stage, ZEROS)
    MonitorLibrary().measurements_should_keep_coming()


@scene(MonitorLibrary, "measurements_should_count")
def the_work_is_not_counted(stage: Stage) -> None:
    log_has(stage, *(a_row(number, data='{"ids": ["doc-1", "doc-2"]}') for number in range(10)))
    stage.bed.database.all_mappings = lambda: [CollectionMapping(NAME, IDS["primary"], IDS["replica"])]
    _measured(stage, *[replace(BUSY, active_collections=1)] * 3)
    library = MonitorLibrary()
    library._noted = BUSY
    library.measurements_should_count(NAME)


def _advised(stage: Stage, *given: Recommendation) -> MonitorLibrary:
    _measured(stage, *[BUSY] * 5)
    stage.bed.database.recommendations = lambda _: list(given)
    library = MonitorLibrary()
    library._since = NOON
    return library


@scene(MonitorLibrary, "no_recommendation_should_come")
def a_calm_deployment_gets_advice(stage: Stage) -> None:
    _advised(stage, ADVICE).no_recommendation_should_come()


@scene(MonitorLibrary, "recommendation_should_come")
def the_advice_is_wrong(stage: Stage) -> None:
    wrong = replace(ADVICE, estimated_monthly_cost=Decimal(0))
    _advised(stage, wrong).recommendation_should_come(Concern.MEMORY, Urgency.MEDIUM, threshold=80.0)


@scene(MonitorLibrary, "backlog_recommendation_should_come")
def the_backlog_gets_no_advice(stage: Stage) -> None:
    _advised(stage).backlog_recommendation_should_come(Urgency.HIGH, above=60, at_most=1000)


@scene(MonitorLibrary, "advice_should_keep_the_contract")
def little_memory_is_told_and_much_cpu_is_not(stage: Stage) -> None:
    library = _advised(stage, ADVICE)
    stage.bed.database.measurements = lambda _: [replace(BUSY, cpu_percent=97.25)] * 5
    library.advice_should_keep_the_contract()


@scene(MonitorLibrary, "recommendations_should_keep_their_cooldown")
def the_advice_is_repeated(stage: Stage) -> None:
    given = [replace(ADVICE, at=NOON + 1.5 * number * SECOND) for number in range(3)]
    _advised(stage, *given).recommendations_should_keep_their_cooldown(Concern.MEMORY, 4 * SECOND)


# ---------------------------------------------------------------- SlackLibrary


def _watching(stage: Stage, *messages: Message) -> SlackLibrary:
    stage.bed.alerts = SimpleNamespace(messages=lambda: list(messages))
    watch = alerts.AlertWatch.__new__(alerts.AlertWatch)
    values = {"_bed": stage.bed, "_old": 0, "_deaf_until": None, "_status": SimpleNamespace(samples=list, stop=list)}
    vars(watch).update(values)
    library = SlackLibrary()
    library._watch = watch
    return library


@scene(SlackLibrary, "alert_should_come")
def an_alert_is_about_the_other_instance(stage: Stage) -> None:
    _watching(stage, a_message(Notice.ALERT, "replica", 0.3)).alert_should_come(Role.PRIMARY)


@scene(SlackLibrary, "recovery_notice_should_come")
def a_recovery_is_not_told(stage: Stage) -> None:
    _watching(stage).recovery_notice_should_come(Role.PRIMARY)


@scene(SlackLibrary, "each_outage_should_have_been_told_once")
def an_outage_is_told_twice_and_late(stage: Stage) -> None:
    came = [
        a_message(Notice.ALERT, "primary", 3.5),
        a_message(Notice.ALERT, "primary", 3.6),
    ]
    due = [
        alerts.Due("primary", Notice.ALERT, NOON, 2 * SECOND),
        alerts.Due("primary", Notice.RECOVERY, NOON + 9 * SECOND, 2 * SECOND),
    ]
    stage.measures(alerts, "due_by", due)
    _watching(stage, *came).each_outage_should_have_been_told_once()


@scene(SlackLibrary, "no_alert_should_hold_a_secret")
def an_alert_tells_the_address(stage: Stage) -> None:
    address = "postgresql://signoff:hunter2hunter2@db.example/chroma"
    leak = replace(
        a_message(Notice.ALERT, "primary", 0.3), text=f"{address} is down", payload=f'{{"text": "{address}"}}'
    )
    _watching(stage, leak).no_alert_should_hold_a_secret()


@scene(SlackLibrary, "slack_should_have_been_deaf")
def no_message_met_the_failing_channel(stage: Stage) -> None:
    _watching(stage).slack_should_have_been_deaf()


@scene(SlackLibrary, "nothing_should_wait_for_slack")
def requests_wait_for_slack(stage: Stage) -> None:
    stage.measures(alerts, "answer_times", distribution([0.01] * 40 + [2.4] * 10))
    SlackLibrary().nothing_should_wait_for_slack()


@scene(SlackLibrary, "work_should_not_wait_for_slack")
def writes_wait_for_slack(stage: Stage) -> None:
    quick = distribution([0.02] * 20)
    stage.measures(alerts, "work_times", (distribution([0.05] * 19 + [5.1]), quick))
    SlackLibrary().work_should_not_wait_for_slack()


@scene(SlackLibrary, "real_channel_should_take_a_message")
def the_real_channel_refuses(stage: Stage) -> None:
    reply = Reply("Slack", 404, {}, b"no_service")
    stage.replace(real_channel, "Wire", lambda *_: SimpleNamespace(call=lambda *_, **__: reply))
    stage.measures(real_channel, "remember", None)
    stage.replace(
        real_channel, "post", lambda _, honest=real_channel.post: honest("https://slack.invalid/services/T0/B0")
    )
    SlackLibrary().real_channel_should_take_a_message()


# ---------------------------------------------------------------- SyncLibrary


def _tasks(stage: Stage, *tasks: SyncTask) -> None:
    stage.knows(NAME)
    stage.bed.database.sync_tasks = lambda _: list(tasks)
    stage.bed.database.sync_workers = lambda: [a_worker()]


@scene(SyncLibrary, "owed_documents_should_be_cut_into_tasks")
def a_chunk_is_missing_and_one_is_nobodys(stage: Stage) -> None:
    stage.bed.database.sync_workers = lambda: [a_worker()]
    tasks = [a_task(1), a_task(3, chunk_end_offset=2500, worker_id="worker-9")]
    library = SyncLibrary()
    library._watch = SimpleNamespace(end=lambda: [tasks], drop=lambda: None)  # type: ignore[assignment]
    library.owed_documents_should_be_cut_into_tasks(2500, 3)


@scene(SyncLibrary, "watched_tasks_should_be_in_order")
def a_task_is_done_twice(stage: Stage) -> None:
    again = a_task(1, worker_id="worker-2", completed_at=NOON + 5 * SECOND)
    library = SyncLibrary()
    library._watch = SimpleNamespace(  # type: ignore[assignment]
        end=lambda: [[a_task(1)], [again]], workers=lambda: ["worker-1", "worker-2"], drop=lambda: None
    )
    library.watched_tasks_should_be_in_order()


@scene(SyncLibrary, "workers_should_be_heard")
def a_worker_is_silent(stage: Stage) -> None:
    stage.replace(sync_tasks, "time", HurriedClock())
    stage.bed.database.sync_workers = lambda: [a_worker(age=44.0)]
    SyncLibrary().workers_should_be_heard()


def _struck(stage: Stage, *tasks: SyncTask) -> SyncLibrary:
    _tasks(stage, *tasks)
    stage.replace(sync_tasks, "time", HurriedClock())
    library = SyncLibrary()
    library._struck = sync_tasks.Struck("worker-1", a_task(2), 0.0)
    return library


@scene(SyncLibrary, "stopped_worker_should_be_noticed")
def a_dead_worker_is_called_active(stage: Stage) -> None:
    _struck(stage).stopped_worker_should_be_noticed()


@scene(SyncLibrary, "another_worker_should_finish_its_task")
def nobody_takes_a_task_over(stage: Stage) -> None:
    _struck(stage, a_task(1), a_task(2)).another_worker_should_finish_its_task(NAME)


@scene(SyncLibrary, "no_tasks_should_exist")
def there_is_a_task_without_workers(stage: Stage) -> None:
    says(stage, status(mode="traditional"))
    stage.bed.database.all_sync_tasks = lambda: 3
    SyncLibrary().no_tasks_should_exist()


# ---------------------------------------------------------------- what only guards a premise


@scene(RenderLibrary, "instance_should_be_down")
def a_suspended_instance_answers(stage: Stage) -> None:
    stage.measures(control_plane, "_answers", True)
    RenderLibrary().instance_should_be_down(Role.REPLICA)


@scene(FaultLibrary, "instance_should_be_unable_to_write")
def an_instance_writes_all_the_same(stage: Stage) -> None:
    stage.bed.locked = {"primary": SimpleNamespace(collection="probe")}
    stage.bed.instance = lambda _: SimpleNamespace(heartbeat=lambda _: None)
    stage.measures(processes, "_writes", "")  # nothing keeps it from writing
    FaultLibrary().instance_should_be_unable_to_write(Role.PRIMARY)


# ---------------------------------------------------------------- WorkloadLibrary


def _history() -> History:
    """A run that proved everything, with one thing wrong at its end: what was deleted is there."""
    run = Run()
    run.ask(Action.CREATE)
    first = run.ask(Action.ADD, "d17")
    run.ask(Action.DELETE, "d17")
    return holding(run.history(), Role.REPLICA, "d17", first.written("d17"))


@scene(WorkloadLibrary, "history_should_show_no_violation")
def a_deleted_document_is_resurrected(stage: Stage) -> None:
    library = WorkloadLibrary()
    library._history = _history()
    library._judgement = judge_history(library._history)
    library.history_should_show_no_violation()


@scene(WorkloadLibrary, "work_should_have_gone_on")
def work_goes_on_too_late(stage: Stage) -> None:
    run = Run()
    run.ask(Action.CREATE)
    run.ask(Action.ADD, "d1", at=START + 10.2, takes=0.05, result=Result.INDETERMINATE)
    run.ask(Action.ADD, "d2", at=START + 13, takes=0.05)
    run.ask(Action.GET, "d2", at=START + 13.06, takes=0.04)
    history = run.history(outage=False)
    stages = zip(Stages, (START + 10, START + 10.01, START + 20, START + 20.01), strict=True)
    library = WorkloadLibrary()
    library._history = replace(
        history,
        header=replace(history.header, limits=HistoryLimits(first_good={"crash": 1.0})),
        faults=tuple(FaultEvent("1", FaultKind.CRASH, "primary", one, at, "seen") for one, at in stages),
        probes=(Probe(Role.PRIMARY, START + 11, START + 11.1, False),),
    )
    library._judgement = judge_history(library._history)
    library.work_should_have_gone_on()


@scene(WorkloadLibrary, "workload_should_have_been_refused")
def nothing_was_refused(stage: Stage) -> None:
    library = WorkloadLibrary()
    library._history = _history()
    library.workload_should_have_been_refused(5)
