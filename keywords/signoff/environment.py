"""What is tested: addresses, credentials, limits and names, from one file per environment.

A file never holds a credential: ``${NAME}`` stands for an environment variable, or for what the local stack says of
itself. Whatever is missing or misspelt is one sentence that names it and the place to change it. ``${NAME?}`` is one
that may be missing: then its whole section is absent, and tests that need that section say why they did not run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from .secrets import remember
from .verdict import CouldNotObserve
from .words import duration, listing

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
FOLDER = RESOURCES / "environments"
NOT_THERE = "none"
"""What stands in place of a proxy's address, or of a service, that a deployment does not have."""
CONTRACT_LIMITS = RESOURCES / "contract_limits.yaml"

_VARIABLE = re.compile(r"\$\{(\w+)(\?)?\}")
_MAY_BE_ABSENT = ("render", "local", "alerts", "proxies")
_AMOUNT = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|min|/s|USD)")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0}


class BadEnvironment(ValueError):
    """An environment can't be used; the message is one sentence that says what to change and where."""


@dataclass(frozen=True)
class Limits:
    """The limits that verdicts are judged by. Rates are per second, the budget is in USD a month."""

    health_p95: timedelta
    status_lie_max: timedelta
    sync_lag_max: timedelta
    sync_lag_goal: timedelta
    failover_max: timedelta
    freeze_failover_max: timedelta
    gray_failover_max: timedelta
    recovery_max: timedelta
    resurrection_watch: timedelta
    heartbeat_max: timedelta
    alert_max: timedelta
    write_min: float
    query_min: float
    monthly_budget: float
    contract: Mapping[str, str] = field(repr=False)

    def words(self, name: str) -> str:
        """Return a limit with the contract's value beside it: "failover max 1 s (contract 60 s)".

        Args:
            name: as in the checklist: FAILOVER_MAX.
        """
        value = getattr(self, name.lower())
        if isinstance(value, timedelta):
            own = duration(value)
        else:
            own = f"{value:g} USD" if name == "MONTHLY_BUDGET" else f"{value:g}/s"
        contract = self.contract.get(name, "")
        known = _AMOUNT.fullmatch(contract)
        beside = f" (contract {contract})" if known and contract != own else ""
        return f"{name.replace('_', ' ').lower()} {own}{beside}"


@dataclass(frozen=True)
class Settings:
    """How the deployment is configured, as its operator says. Checks compare what it does with this.

    Attributes:
        resource_check_interval: how often the monitor measures.
        sync_chunk_size: how many documents a task of distributed sync has, at most.
    """

    strategy: str
    read_replica_ratio: float
    check_interval: timedelta
    failure_threshold: int
    request_timeout: timedelta
    resource_check_interval: timedelta
    sync_chunk_size: int

    @property
    def replica_share(self) -> float:
        """The share of the reads, from 0 to 1, that the replica has to answer while both instances are in line."""
        return {"primary_only": 0.0, "round_robin": 0.5}.get(self.strategy, self.read_replica_ratio)


@dataclass(frozen=True)
class RenderAccess:
    """The hosting provider's control plane.

    Attributes:
        services: the service of each role (balancer, primary, replica, postgres; monitor, if there is one, and sync
            workers by the ids they have in their table), by its id or its exact name.
    """

    api_url: str
    api_key: str = field(repr=False)
    services: Mapping[str, str]


@dataclass(frozen=True)
class LocalProcesses:
    """The deployment's processes, if they are on this machine and at the tests' disposal.

    Attributes:
        state: the file in which the local stack says which processes there are.
        services: what that file calls the service of each role (balancer, primary, replica, postgres; monitor, and sync
            workers by the ids they have in their table).
    """

    state: Path
    services: Mapping[str, str]


@dataclass(frozen=True)
class AlertSink:
    """Where alerts can be read back, in place of the channel that people read.

    Attributes:
        url: its base URL.
        webhook: the address that the deployment posts to: a credential.
        alert, recovery: what the text of an alert, and of a recovery notice, contains; regular expressions.
    """

    url: str
    webhook: str = field(repr=False)
    alert: re.Pattern[str]
    recovery: re.Pattern[str]


@dataclass(frozen=True)
class Dialect:
    """Where the deployment keeps the values that are read, and how it names things.

    Attributes:
        paths: HTTP paths of /health, /status, ….
        health, status, wal_status, mappings: JSON paths into those answers, by our names of the values.
        instances: the deployment's own names of our roles primary and replica.
        metrics: names of Prometheus metrics.
        sql: statements, by our names.
        tables: table names, by our names.
    """

    paths: Mapping[str, str]
    health: Mapping[str, str]
    status: Mapping[str, str]
    instance: Mapping[str, str]
    wal_status: Mapping[str, str]
    mappings: Mapping[str, str]
    metrics: Mapping[str, str]
    instances: Mapping[str, str]
    sql: Mapping[str, str]


@dataclass(frozen=True)
class Environment:
    """One deployment, and the rules for testing it.

    Attributes:
        file: where it is described.
        destructive: whether faults may be injected.
        render: None if there is no control plane.
        local: None if its processes are not on this machine.
        alerts: None if they can't be read back.
        proxies: the control URL of the fault proxy between the balancer and an instance, postgres or slack, by role;
            there may be none.
        own_deployments: whether deployments of the tests' own can be started beside it (the local stack only).
        absent: why a section of the file is absent that is there but for a variable that is not set, by its name.
    """

    name: str
    file: Path
    balancer_url: str
    primary_url: str
    replica_url: str
    database_url: str = field(repr=False)
    destructive: bool
    own_deployments: bool
    settings: Settings
    limits: Limits
    dialect: Dialect = field(repr=False)
    render: RenderAccess | None = None
    local: LocalProcesses | None = None
    alerts: AlertSink | None = None
    proxies: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)


def load_environment(name_or_path: str, variables: Mapping[str, str]) -> Environment:
    """Read an environment file.

    Args:
        name_or_path: the name of a file in resources/environments, or the path of another one.
        variables: values for ``${NAME}``.

    Raises:
        BadEnvironment: if there is no such environment, or a key, a variable or a value is missing or not allowed.
    """
    file = _file_of(name_or_path)
    raw = _read(file)
    missing: dict[str, str] = {}
    optional: dict[str, str] = {}
    values = _interpolated(raw, variables, missing, optional, "")
    if absent := _absent(optional, file):
        present = {name: section for name, section in raw.items() if name not in absent}
        missing.clear()
        values = _interpolated(present, variables, missing, optional, "")
    tree = _Tree(values, "", file)
    if missing:
        wanted = [f"{variable} (for {key})" for variable, key in missing.items()]
        be, it = ("is", "it") if len(wanted) == 1 else ("are", "them")
        raise BadEnvironment(
            f"{listing(wanted, len(wanted))} {be} not set, and {file.name} needs {it}; set {it} in the shell."
        )
    environment = replace(_environment(file, tree), absent=absent)
    if environment.render is not None:
        remember(environment.render.api_key)
    if environment.alerts is not None:
        remember(environment.alerts.webhook)
        # The last part alone opens it, too.
        remember(environment.alerts.webhook.rpartition("/")[2])
    return environment


def value_at(answer: object, path: str, who: str) -> Any:
    """Return the value at a JSON path.

    Args:
        answer: parsed JSON.
        path: keys joined by dots; ``[3]`` takes an element, ``[name=primary]`` the one with that value.
        who: whose answer it is, for the message.

    Raises:
        CouldNotObserve: if there is nothing at the path. A missing value is never a zero.
    """
    value = answer
    for step in re.findall(r"[^.\[\]]+|\[[^\]]*\]", path):
        found, value = _step(value, step)
        if not found:
            raise CouldNotObserve(f"{who} has no {path}")
    return value


def _step(value: Any, step: str) -> tuple[bool, Any]:
    if not step.startswith("["):
        return (True, value[step]) if isinstance(value, dict) and step in value else (False, None)
    if not isinstance(value, list):
        return False, None
    key, equals, wanted = step[1:-1].partition("=")
    if equals:
        matching = [item for item in value if isinstance(item, dict) and str(item.get(key)) == wanted]
        return (True, matching[0]) if len(matching) == 1 else (False, None)
    index = int(key) if key.isdecimal() else -1
    return (True, value[index]) if 0 <= index < len(value) else (False, None)


def _file_of(name_or_path: str) -> Path:
    known = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    if name_or_path in known:
        return FOLDER / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if path.is_file():
        return path.resolve()
    raise BadEnvironment(
        f"There is no environment {name_or_path}; known are {listing(known, 20)}, and any path of an environment file."
    )


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadEnvironment(f"The environment file {file} can't be read: {error.strerror}.") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadEnvironment(
            f"The environment file {file} is not valid YAML: {' '.join(str(error).split())}."
        ) from None


def _interpolated(
    value: Any, variables: Mapping[str, str], missing: dict[str, str], optional: dict[str, str], key: str
) -> Any:
    """Fill in variables; note those that are not set, by their names, with the key that each is needed for."""
    if isinstance(value, dict):
        return {
            name: _interpolated(item, variables, missing, optional, f"{key}.{name}".lstrip("."))
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_interpolated(item, variables, missing, optional, key) for item in value]
    if not isinstance(value, str):
        return value

    def replacement(match: re.Match[str]) -> str:
        if not variables.get(match[1]):
            (optional if match[2] else missing).setdefault(match[1], key)
            return ""
        return variables[match[1]]

    return _VARIABLE.sub(replacement, value)


def _absent(optional: Mapping[str, str], file: Path) -> dict[str, str]:
    """Return the sections that are absent as a variable is not set that may be missing, each with the reason."""
    absent: dict[str, str] = {}
    for variable, key in optional.items():
        section = key.partition(".")[0]
        if section not in _MAY_BE_ABSENT:
            sections = listing(_MAY_BE_ABSENT)
            raise BadEnvironment(
                f"{variable} (for {key}) is marked by ? in {file}, and can't be missing: only {sections} may be absent."
            )
        absent.setdefault(section, f"the shell has no {variable}")
    return absent


class _Tree:
    """A mapping of an environment file, read strictly: what it must have, and nothing that isn't known."""

    def __init__(self, value: Any, key: str, file: Path) -> None:
        self._key = key
        self._file = file
        if not isinstance(value, dict):
            raise BadEnvironment(f"{key or 'The top level'} must be a mapping of names to values, in {file}.")
        self._values: dict[str, Any] = value
        self._asked: set[str] = set()

    def has(self, name: str) -> bool:
        self._asked.add(name)
        return self._values.get(name) is not None

    def get(self, name: str) -> Any:
        if not self.has(name):
            raise BadEnvironment(f"{self._full(name)} is missing in {self._file}.")
        return self._values[name]

    def tree(self, name: str) -> _Tree:
        return _Tree(self.get(name), self._full(name), self._file)

    def texts(self, name: str, needed: Sequence[str]) -> dict[str, str]:
        tree = self.tree(name)
        for key in needed:
            tree.get(key)
        return {key: tree.text(key) for key in tree._values}

    def text(self, name: str) -> str:
        value = self.get(name)
        if isinstance(value, dict | list) or not str(value).strip():
            raise self._wrong(name, value, "a text")
        return str(value).strip()

    def url(self, name: str, *schemes: str) -> str:
        text = self.text(name)
        if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            # The value may hold a password, so it isn't shown.
            begins = " or ".join(f"{scheme}://" for scheme in schemes)
            raise BadEnvironment(f"{self._full(name)} in {self._file} must be a URL that begins with {begins}.")
        return text.rstrip("/")

    def pattern(self, name: str) -> re.Pattern[str]:
        text = self.text(name)
        try:
            return re.compile(text)
        except re.error:
            raise self._wrong(name, text, "a regular expression") from None

    def word(self, name: str, allowed: Mapping[str, bool]) -> bool:
        text = self.text(name)
        if text not in allowed:
            raise self._wrong(name, text, " or ".join(allowed))
        return allowed[text]

    def number(self, name: str, lowest: float, highest: float, what: str) -> float:
        try:
            number = float(self.text(name))
        except ValueError:
            number = float("nan")
        if not lowest <= number <= highest:
            raise self._wrong(name, self._values[name], what)
        return number

    def amount(self, name: str, *units: str) -> float:
        text = self.text(name)
        match = _AMOUNT.fullmatch(text)
        if match is None or match["unit"] not in units:
            raise self._wrong(name, text, f"a number with a unit ({', '.join(units)})")
        return float(match["number"]) * _SECONDS.get(match["unit"], 1.0)

    def refuse_laxer(self, name: str, contract: str) -> None:
        """Refuse a limit that allows more than the contract: a sign-off by it would promise less than it seems to."""
        promised = _AMOUNT.fullmatch(contract)
        # How long nothing may come back depends on the slowest machinery of the target, so it may be shorter as well.
        if promised is None or name == "RESURRECTION_WATCH":
            return
        own, most = (float(m["number"]) * _SECONDS.get(m["unit"], 1.0) for m in (self._amount(name), promised))
        if own < most if promised["unit"] == "/s" else own > most:
            word = "at least" if promised["unit"] == "/s" else "at most"
            raise self._wrong(name, self.text(name), f"{word} the contract's {contract}")

    def _amount(self, name: str) -> re.Match[str]:
        match = _AMOUNT.fullmatch(self.text(name))
        assert match is not None
        return match

    def time(self, name: str) -> timedelta:
        return timedelta(seconds=self.amount(name, "ms", "s", "min"))

    def seconds(self, name: str) -> timedelta:
        return timedelta(seconds=self.number(name, 0.001, 86400, "a number of seconds"))

    def refuse_others(self) -> None:
        others = sorted(set(map(str, self._values)) - self._asked)
        if others:
            allowed = listing(sorted(self._asked), 30)
            raise BadEnvironment(f"{self._full(others[0])} in {self._file} is not known; allowed here are {allowed}.")

    def _full(self, name: str) -> str:
        return f"{self._key}.{name}".lstrip(".")

    def _wrong(self, name: str, value: Any, allowed: str) -> BadEnvironment:
        return BadEnvironment(f"{self._full(name)} is {value!r} in {self._file}; allowed is {allowed}.")


def _environment(file: Path, tree: _Tree) -> Environment:
    urls = tree.tree("urls")
    permissions = tree.tree("permissions")
    allowed = {"allowed": True, "forbidden": False}
    environment = Environment(
        name=file.stem,
        file=file,
        balancer_url=urls.url("balancer", "http", "https"),
        primary_url=urls.url("primary", "http", "https"),
        replica_url=urls.url("replica", "http", "https"),
        database_url=urls.url("database", "postgresql", "postgres"),
        destructive=permissions.word("destructive", allowed),
        own_deployments=permissions.word("own_deployments", allowed),
        settings=_settings(tree.tree("settings")),
        limits=_limits(tree.tree("limits")),
        dialect=_dialect(tree.tree("dialect")),
        render=_render(tree.tree("render")) if tree.has("render") else None,
        local=_local(tree.tree("local")) if tree.has("local") else None,
        alerts=_alerts(tree.tree("alerts")) if tree.has("alerts") else None,
        proxies=_proxies(tree.tree("proxies")) if tree.has("proxies") else {},
    )
    for part in (urls, permissions, tree):
        part.refuse_others()
    return environment


def _settings(tree: _Tree) -> Settings:
    settings = Settings(
        strategy=tree.text("strategy"),
        read_replica_ratio=tree.number("read_replica_ratio", 0, 1, "a number from 0 to 1"),
        check_interval=tree.seconds("check_interval"),
        failure_threshold=int(tree.number("failure_threshold", 1, 1000, "a whole number from 1")),
        request_timeout=tree.seconds("request_timeout"),
        resource_check_interval=tree.seconds("resource_check_interval"),
        sync_chunk_size=int(tree.number("sync_chunk_size", 1, 1_000_000, "a whole number from 1")),
    )
    tree.refuse_others()
    return settings


def _limits(tree: _Tree) -> Limits:
    values: dict[str, Any] = {}
    for item in fields(Limits):
        name = item.name.upper()
        if item.name in ("write_min", "query_min"):
            values[item.name] = tree.amount(name, "/s")
        elif item.name == "monthly_budget":
            values[item.name] = tree.amount(name, "USD")
        elif item.name != "contract":
            values[item.name] = tree.time(name)
    tree.refuse_others()
    contract = {str(name): str(value) for name, value in _read(CONTRACT_LIMITS).items()}
    for name, promised in contract.items():
        tree.refuse_laxer(name, promised)
    return Limits(**values, contract=contract)


def _render(tree: _Tree) -> RenderAccess:
    needed = ("balancer", "primary", "replica", "postgres")
    services = tree.texts("services", needed)
    access = RenderAccess(
        api_url=tree.url("api_url", "http", "https"),
        api_key=tree.text("api_key"),
        services={role: id for role, id in services.items() if role in needed or id != NOT_THERE},
    )
    tree.refuse_others()
    return access


def _local(tree: _Tree) -> LocalProcesses:
    local = LocalProcesses(
        state=Path(tree.text("state")), services=tree.texts("services", ("balancer", "primary", "replica", "postgres"))
    )
    tree.refuse_others()
    return local


def _alerts(tree: _Tree) -> AlertSink:
    alerts = AlertSink(
        url=tree.url("sink", "http", "https"),
        webhook=tree.url("webhook", "http", "https"),
        alert=tree.pattern("alert"),
        recovery=tree.pattern("recovery"),
    )
    tree.refuse_others()
    return alerts


def _proxies(tree: _Tree) -> dict[str, str]:
    found = {role: tree.text(role) for role in ("primary", "replica", "postgres", "slack") if tree.has(role)}
    tree.refuse_others()
    return {role: url for role, url in found.items() if url != NOT_THERE}


_SQL = (
    "wal_rows",
    "wal_rows_of_sessions",
    "last_errors",
    "owed_rows",
    "transactions",
    "unfinished_transactions",
    "mapping",
    "columns",
    "measurements",
    "recommendations",
    "sync_tasks",
    "all_sync_tasks",
    "open_sync_tasks",
    "all_mappings",
    "sync_workers",
)


def _dialect(tree: _Tree) -> Dialect:
    dialect = Dialect(
        paths=tree.texts("paths", ("health", "status", "wal_status", "mappings", "metrics", "old_heartbeat")),
        health=tree.texts("health", ("status", "healthy_instances", "total_instances")),
        status=tree.texts(
            "status",
            (
                *("strategy", "mode", "read_replica_ratio", "uptime_seconds", "version"),
                *("healthy_instances", "total_instances", "instances"),
                *("pending_writes", "failed_writes", "oldest_pending_seconds"),
                *("memory_percent", "cpu_percent", "batch_size", "memory_pressure_events"),
            ),
        ),
        instance=tree.texts(
            "instance",
            ("name", "healthy", "request_count", "consecutive_failures", "last_health_check", "pending_writes"),
        ),
        wal_status=tree.texts("wal_status", ("pending_writes",)),
        mappings=tree.texts("mappings", ("items", "name", "primary_id", "replica_id")),
        metrics=tree.texts("metrics", ("pending_writes", "batch_size", "memory_pressure_events")),
        instances=tree.texts("instances", ("primary", "replica")),
        sql=tree.texts("sql", _SQL),
    )
    tree.refuse_others()
    return dialect
